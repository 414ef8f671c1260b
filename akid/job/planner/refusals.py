"""What the server would not make: it is waited out, longer each time; then one create asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from akid.job.planner.deadlines import after
from akid.job.planner.interface import CreateFailure, CreateFailureReason

# No watch tells that a quota has room again, or that a webhook answers: it is asked for after 1, 2, 4 ... 60 s.
FIRST_PROBE, LONGEST_PROBE = timedelta(seconds=1), timedelta(seconds=60)


def refused_again(
    known: tuple[CreateFailure, ...], new: CreateFailure, now: datetime, retry_after: float = 0.0
) -> CreateFailure:
    """A failure with the time at which it is worth another try.

    Args:
        known: what was refused before, and not made since.
        new: what is refused now.
        now: the time, aware.
        retry_after: seconds the server asks to wait.
    """
    tries = next((failure.tries for failure in known if failure.reason is new.reason), 0) + 1
    wait = min(FIRST_PROBE * 2 ** min(tries - 1, 30), LONGEST_PROBE)
    wait = max(wait, min(timedelta(seconds=retry_after), LONGEST_PROBE))
    return replace(new, tries=tries, retry_at=after(now, wait))


def at_once(failures: tuple[CreateFailure, ...]) -> tuple[CreateFailure, ...]:
    """The same failures, worth another try now: the job has changed."""
    return tuple(replace(failure, retry_at=None) for failure in failures)


def waited_out(failures: tuple[CreateFailure, ...]) -> tuple[CreateFailure, ...]:
    """Those that do not end the job."""
    return tuple(failure for failure in failures if failure.reason is not CreateFailureReason.INVALID_TEMPLATE)


def probe_at(failures: tuple[CreateFailure, ...], now: datetime) -> datetime | None:
    """When one create may ask again; None if that is now. A clock set back cannot prolong it much."""
    times = [failure.retry_at for failure in failures if failure.retry_at is not None]
    return next((time for time in sorted(times, reverse=True) if now < time <= after(now, LONGEST_PROBE)), None)
