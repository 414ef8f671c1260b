"""Taking pods away, by force if their node does not answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from akid.job.members import MemberState
from akid.job.names import ObjectRole
from akid.job.planner.deadlines import overdue, seconds_until
from akid.job.planner.interface import Delete, Plan


def removals(states: Iterable[MemberState], now: datetime) -> list[Delete]:
    """Deletes of pods, each only once, and by force when its node does not answer."""
    result: list[Delete] = []
    for state in states:
        due = overdue(state)
        force = state.forced or (due is not None and due <= now)
        if force or not state.terminating:
            result.append(Delete(ObjectRole.MEMBER, state.name, state.uid, force))
    return result


def orphans(states: Iterable[MemberState], now: datetime) -> Plan:
    """What to do about pods whose job does not exist: the garbage collector forces no dead node's."""
    states = list(states)
    times = [overdue(state) for state in states]
    return Plan(delete=tuple(removals(states, now)), requeue_after=seconds_until(now, times))
