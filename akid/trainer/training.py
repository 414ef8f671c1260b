"""The training process of a member: the kid and the engine of the manifest, at the place the environment says."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from akid.errors import AkidError, PeerLostError, UserCodeError
from akid.output import say
from akid.report import Reporter
from akid.storage import Mounts, is_away
from akid.trainer.restarts import RESTART_ME

#: Exit codes: the user's code failed; the kid is invalid; interrupted.
FAILED, INVALID, INTERRUPTED = 1, 2, 130


class MissingVariableError(AkidError, ValueError):
    """This process was not started as a member of a job."""


def main() -> int:
    """Train; gives the exit code. Why it failed is said on standard error and told whoever started this."""
    reporter, mounts = Reporter.from_environment(), Mounts.of_this_process()
    try:
        _train()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if mounts.changed or (is_away(error) and not isinstance(error, PeerLostError)):
            return _start_again(reporter, mounts, error)
        return _failed(reporter, error)
    reporter.done()
    return 0


def _start_again(reporter: Reporter, mounts: Mounts, error: Exception) -> int:
    """Something was read, or written, while its file system was away: another process sees the one there is."""
    traceback.print_exception(error)
    reporter.rest()
    if mounts.wait():
        reporter.storage_away(str(error))
    else:
        reporter.error(f"A file system is away, and did not come back: {error}")
    return RESTART_ME


def _failed(reporter: Reporter, error: Exception) -> int:
    """What it failed of; gives the exit code."""
    match error:
        case UserCodeError():
            traceback.print_exception(error.__cause__)
            return _complain(reporter, str(error), FAILED)
        case PeerLostError():
            reporter.peer_lost(str(error))
            say(f"akid: {error}", sys.stderr)
            return RESTART_ME
        case AkidError():
            return _complain(reporter, str(error), INVALID if isinstance(error, ValueError) else FAILED)
        case _:
            traceback.print_exception(error)
            return _complain(reporter, f"{type(error).__name__}: {error}", FAILED)


def _train() -> None:
    """Practise the kid of $AKID_KID in the run directory $AKID_LOG_DIR."""
    from akid.engines import Duty
    from akid.job import load
    from akid.manifests.recipe import check_resumed, check_run, note_run
    from akid.manifests.runs import kid_of_job
    from akid.manifests.set_up import set_up

    job, log_dir = load(Path(needed("AKID_KID"))), Path(needed("AKID_LOG_DIR"))
    is_chief = os.environ.get("AKID_IS_CHIEF", "1") == "1"
    if is_chief:
        check_resumed(os.environ.get("AKID_RESUME_FROM", ""), log_dir)
        check_run(job, log_dir)
    declared = kid_of_job(job, log_dir)
    if declared.kid.engine.duty is not Duty.SERVE:
        set_up(declared)
    if is_chief:
        note_run(job, log_dir)
    declared.kid.practice()


def needed(name: str, value: Callable[[str], str | None] = os.environ.get) -> str:
    """A variable of the environment.

    Raises:
        MissingVariableError: it is not set.
    """
    found = value(name)
    if not found:
        raise MissingVariableError(
            f"${name} is not set; `akid train` is started by `akid run` or by the operator."
        )
    return found


def _complain(reporter: Reporter, message: str, code: int) -> int:
    say(f"akid: {message}", sys.stderr)
    reporter.error(message)
    return code


if __name__ == "__main__":
    sys.exit(main())
