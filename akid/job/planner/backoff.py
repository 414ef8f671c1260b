"""How long a counted restart waits: longer each time, until there is progress. It all follows from the status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from akid.job.api.base import format_time
from akid.job.api.policy import RunPolicy
from akid.job.api.status import Backoff, Status
from akid.job.members import MAX_WORD, MemberState
from akid.job.planner.deadlines import after

# The first restart is made at once, the second waits this long, and each further one twice as long as before.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=6)
# Without steps to go by, a job that ran this long has made progress.
STABLE = timedelta(minutes=10)
# A restart whose cause is that of so many before it is told to be one more of them.
REPEATED = 3


def wait_before(restart: int) -> timedelta:
    """How long the restart of this number (from 1) waits: 0, 10, 20, 40 ... 360 s."""
    return min(FIRST_WAIT * 2 ** min(restart - 2, 30), LONGEST_WAIT) if restart > 1 else timedelta()


def next_backoff(status: Status, lost: Sequence[MemberState], now: datetime) -> Backoff:
    """The back-off once these new failures are counted.

    Args:
        status: as it was before they were.
        lost: the members that failed, in the order in which they did; at least one.
        now: the time, aware.
    """
    old, why, moment = status.backoff, cause(lost[0]), now.replace(microsecond=0)
    if old is not None and _same_outage(status, old, lost):
        return old
    restart = 1 if old is None or _progressed(status, old, lost[0], now) else old.restarts + 1
    return Backoff(
        restarts=restart,
        last_failure_time=moment,
        next_restart_time=after(moment, wait_before(restart)),
        step=status.highest_step,
        cause=why,
        same_cause=old.same_cause + 1 if old is not None and old.cause == why else 1,
    )


def _same_outage(status: Status, old: Backoff, lost: Sequence[MemberState]) -> bool:
    """Whether these, too, ran when the last failure was counted, and the job has not recovered since."""
    older = all(state.created is not None and state.created < old.last_failure_time for state in lost)
    return older and not status.is_true("Running")


def _progressed(status: Status, old: Backoff, first: MemberState, now: datetime) -> bool:
    if status.highest_step is not None:
        return status.highest_step > (old.step or 0)
    running = status.condition("Running")
    if running is None or running.status != "True":
        return False
    return (first.finished or now) - running.last_transition_time >= STABLE


def restart_time(status: Status, now: datetime) -> datetime | None:
    """When what failed may be made again; None if that is now. A clock set back cannot prolong it much."""
    time = status.backoff.next_restart_time if status.backoff else now
    return time if now < time <= after(now, LONGEST_WAIT) else None


def cause(state: MemberState) -> str:
    """Why a member failed, in words that are the same for the same cause."""
    how = f"exit code {state.exit_code}" if state.exit_code is not None else "no exit code"
    return f"{how} ({state.reason[:MAX_WORD]})" if state.reason not in ("", "Error") else how


def repeated(backoff: Backoff | None) -> str:
    """That the cause is always the same, if it is; else empty."""
    if backoff is None or backoff.same_cause <= REPEATED:
        return ""
    return f"; failure {backoff.same_cause} in a row with {backoff.cause}"


def tell_restart(number: int, status: Status, policy: RunPolicy, now: datetime) -> str:
    """The number of a restart, when it is made, and whether its cause is an old acquaintance."""
    time = restart_time(status, now)
    when = f" in {round((time - now).total_seconds())} s, at {format_time(time)}" if time else ""
    return f"restart {number} of {policy.max_restarts}{when}{repeated(status.backoff)}"
