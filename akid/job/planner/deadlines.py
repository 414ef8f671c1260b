"""Times of a job: deadlines, how long a deleted pod may linger, how soon a lost one is replaced."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from akid.job.api.policy import RunPolicy
from akid.job.api.status import Status
from akid.job.members import NOT_SET_UP, STARTING, MemberState, Phase

# A pod that is still there this long after its deletion was due is on a dead node: it is deleted by force.
LINGER = timedelta(seconds=30)
# A server that was interrupted (its client died, say) between marking a pod as deleted and removing it leaves it
# there: what has no grace period and no finalizer is given so long, then it is deleted once more.
HALF_WAY = timedelta(seconds=2)
# A disrupted pod is replaced at the earliest this long after it was made, so that one that is evicted again
# and again (a full disk, a node that refuses it) does not keep the cluster busy.
MIN_LIFE = timedelta(seconds=5)
# Where nodes refuse one after the other, the next is made later each time.
LONGEST_REFUSAL = timedelta(minutes=6)
# What does not go, or is not set up on its node, is reported after this long.
PATIENCE = timedelta(seconds=10)
# A pod of which somebody (the scheduler, a registry) says what it waits for is told of so long after it was made.
SHORT_WAIT = timedelta(seconds=3)
# The members of a job that has succeeded end by themselves within this time: they leave together, and their last
# words are theirs. Then they are deleted.
LEAVE = timedelta(seconds=3)
# How often the outside is looked at again when no watch would tell.
POLL = timedelta(seconds=5)
# How often the job's objects are looked at while a pod may wait for one of them.
LOOK_AGAIN = timedelta(seconds=30)


def after(time: datetime, wait: timedelta) -> datetime:
    """A time so much later; at the end of all times, that."""
    try:
        return time + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def active_deadline(status: Status, policy: RunPolicy) -> datetime | None:
    """When the job is out of time."""
    if status.start_time is None or policy.active_deadline_seconds is None:
        return None
    return after(status.start_time, timedelta(seconds=policy.active_deadline_seconds))


def pending_deadline(status: Status, policy: RunPolicy) -> datetime | None:
    """When the job has been kept from running for too long; None while it runs."""
    running = status.condition("Running")
    if status.start_time is None or policy.pending_deadline_seconds is None or status.is_true("Running"):
        return None
    since = max(status.start_time, running.last_transition_time) if running else status.start_time
    return after(since, timedelta(seconds=policy.pending_deadline_seconds))


def expiry(status: Status, policy: RunPolicy) -> datetime | None:
    """When a finished job is deleted; None while it is suspended."""
    if status.completion_time is None or policy.ttl_seconds_after_finished is None or policy.suspend:
        return None
    return after(status.completion_time, timedelta(seconds=policy.ttl_seconds_after_finished))


def leave(status: Status) -> datetime | None:
    """Until when the members of a job may end by themselves; None if they are not to be waited for."""
    return after(status.completion_time, LEAVE) if status.completion_time and status.is_true("Succeeded") else None


def overdue(state: MemberState) -> datetime | None:
    """When a member that is being deleted is deleted by force; what may run on, or a finalizer keeps, never is."""
    if state.deletion_due is None or state.finalizer_blocked or state.held:
        return None
    return after(state.deletion_due, HALF_WAY if state.half_deleted else LINGER)


def reported(state: MemberState) -> datetime | None:
    """When a member that was deleted and does not go is reported."""
    return after(state.deletion_due, PATIENCE) if state.deletion_due else None


def told_at(state: MemberState) -> datetime | None:
    """When a pod that waits is told of with its reason; None if it waits for nothing, or at once."""
    if state.phase is not Phase.PENDING or state.reason in STARTING or state.created is None:
        return None
    return after(state.created, PATIENCE if state.reason == NOT_SET_UP else SHORT_WAIT)


def replaceable(state: MemberState, status: Status) -> datetime | None:
    """When a disrupted member may be replaced at the earliest; `status` has its refusal counted."""
    refusals = status.refusals if state.refused else 0
    wait = min(MIN_LIFE * 2 ** min(max(refusals - 1, 0), 30), LONGEST_REFUSAL)
    return after(state.created, wait) if state.created else None


def may_replace(state: MemberState, status: Status, now: datetime) -> bool:
    """Whether a disrupted member may be replaced now."""
    soonest = replaceable(state, status)
    return soonest is None or soonest <= now


def seconds_until(now: datetime, times: Iterable[datetime | None]) -> float | None:
    """Seconds to the next of the times that are still to come; None if there is none."""
    ahead = [(time - now).total_seconds() for time in times if time is not None and time > now]
    return min(ahead, default=None)
