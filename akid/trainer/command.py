"""``akid train``, what a member of a job runs; the environment says which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def train(program: Sequence[str] = ()) -> int:
    """Supervise the training; gives the exit code.

    Args:
        program: what trains, instead of the kid of the manifest; it may tell its steps by `akid.report`.
    """
    from akid.report import FD
    from akid.trainer.output_copy import OutputCopy
    from akid.trainer.settings import settings_of
    from akid.trainer.supervisor import Supervisor

    settings = settings_of()
    # Whoever hears the reports, as a local runner does, keeps the output as well.
    copied = bool(settings.log_dir) and FD not in os.environ
    copy = OutputCopy(Path(settings.log_dir), settings.member) if copied else None
    try:
        return Supervisor(settings, program).run()
    finally:
        if copy is not None:
            copy.close()
