"""``akid train``."""

from __future__ import annotations


def train() -> int:
    """What a member of a job runs; gives the exit code."""
    from akid.trainer.training import main

    return main()
