"""How soon what is told of a job must be looked at."""

from __future__ import annotations

from enum import IntEnum

from akid.job import MemberState


class Urgency(IntEnum):
    """How soon something new must be looked at."""

    NONE = 0
    SOON = 1
    LEFT = 2  # a pod left the watch; its peers often do so in the same moment
    NOW = 3


def weight(old: MemberState | None, new: MemberState) -> Urgency:
    """How soon a change of a pod must be looked at: losses at once, progress together with more of it."""
    if old is None:
        return Urgency.NOW if new.terminal else Urgency.SOON
    if old == new:
        return Urgency.NONE
    urgent = (
        new.uid != old.uid or (new.phase is not old.phase and new.terminal) or new.terminating != old.terminating
    )
    return Urgency.NOW if urgent or new.disrupted else Urgency.SOON
