"""Putting a plan together: the status only if it differs, events only with it, the next time to look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from akid.job.api.status import ConditionType, Status
from akid.job.members import Create
from akid.job.names import ObjectRole
from akid.job.planner.conditions import changed, judged_by, with_condition
from akid.job.planner.deadlines import active_deadline, expiry, pending_deadline, seconds_until
from akid.job.planner.facts import View
from akid.job.planner.interface import Delete, Event, Plan
from akid.job.planner.summary import cut, with_message

MAX_EVENT, MAX_REASON = 1000, 128
# Of an event that is too long, the end is kept too: a traceback says last what went wrong.
MAX_TAIL = 600


def make_plan(
    view: View,
    status: Status,
    *,
    creates: Sequence[Create] = (),
    deletes: Sequence[Delete] = (),
    events: Sequence[Event] = (),
    times: Iterable[datetime | None] = (),
    again: bool = False,
) -> Plan:
    """The plan that leads to this status.

    Args:
        view: what it follows from.
        status: the whole new status.
        creates: what to make, in order.
        deletes: what to delete.
        events: what to tell if the status changes; otherwise it has been told before.
        times: when to look again, beside the job's deadlines.
        again: whether the status itself is what the next plan follows from: the own write is no news to anybody.
    """
    new = with_message(judged_by(status, view.job.metadata.generation))
    document, patience = changed(view.job.status, new)
    policy = view.policy
    deadlines = [expiry(status, policy)]
    if not status.finished:
        deadlines += [active_deadline(status, policy), pending_deadline(status, policy)]
    # Judged were the deadlines of the old status: one that is due at once (a TTL of 0) is still to be judged.
    again = again or (document is not None and any(time is not None and time <= view.now for time in deadlines))
    return Plan(
        create=tuple(creates),
        delete=tuple(deletes),
        status=document,
        patience=patience,
        requeue_after=0.0 if again else seconds_until(view.now, [*times, *deadlines]),
        events=tuple(events) if document is not None and not patience else (),
    )


def set_condition(
    view: View, status: Status, kind: ConditionType, holds: bool, reason: str, text: str, *, anew: bool = False
) -> Status:
    """The status with a condition set at the view's time and generation."""
    return with_condition(status, kind, holds, reason, text, view.now, view.job.metadata.generation, anew=anew)


def event(reason: str, text: str, *, warning: bool = False) -> Event:
    """An event, cut to what the server takes."""
    return Event("Warning" if warning else "Normal", reason[:MAX_REASON], cut(text, MAX_EVENT, tail=MAX_TAIL))


def newly_waits(before: Status, status: Status) -> list[Event]:
    """What it waits for, once for each reason."""
    old, new = before.condition("Queued"), status.condition("Queued")
    if (
        new is None
        or new.status != "True"
        or (old is not None and (old.status, old.reason) == ("True", new.reason))
    ):
        return []
    return [event(new.reason, new.message, warning=True)]


def expired(view: View) -> Plan | None:
    """The deletion of a finished job whose time has come."""
    expires = expiry(view.job.status, view.policy)
    if expires is None or expires > view.now:
        return None
    job = view.job.metadata
    # No watch shows a finished job: who suspends it, or gives it more time, is heard of by the refusal.
    return Plan(delete=(Delete(ObjectRole.JOB, job.name, job.uid, version=job.resource_version),))
