"""``akid train``, what a member of a job runs; the environment says which."""

from __future__ import annotations

from collections.abc import Sequence


def train(program: Sequence[str] = ()) -> int:
    """Supervise the training; gives the exit code.

    Args:
        program: what trains, instead of the kid of the manifest; it may tell its steps by `akid.report`.
    """
    from akid.trainer.settings import settings_of
    from akid.trainer.supervisor import Supervisor

    return Supervisor(settings_of(), program).run()
