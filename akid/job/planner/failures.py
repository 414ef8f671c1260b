"""Judging members that ended: whose fault it was, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from akid.job.api.policy import RunPolicy
from akid.job.api.status import LastFailure, Status
from akid.job.members import MAX_WORD, MemberState, Phase
from akid.job.planner.backoff import next_backoff

INVALID_KID = 2
MAX_COUNTED = 2048
MAX_MESSAGE, MAX_NAME = 4096, 253


class Loss(StrEnum):
    """Why a member was lost, gravest first."""

    PERMANENT = "permanent"
    RETRYABLE = "retryable"
    DISRUPTED = "disrupted"


def loss_of(state: MemberState, policy: RunPolicy) -> Loss | None:
    """The kind of loss of a member; None if it has not failed."""
    if state.phase is not Phase.FAILED:
        return None
    # What ends while it is being deleted ends because of that: clocks differ, so times cannot tell better.
    if state.disrupted or state.terminating:
        return Loss.DISRUPTED
    if state.exit_code is None or policy.retryable(state.exit_code):
        return Loss.RETRYABLE
    return Loss.PERMANENT


@dataclass(frozen=True)
class Losses:
    """The members lost in an attempt, by kind, each in the order in which they failed.

    Args:
        permanent: failed in a way a restart does not mend.
        retryable: failed and worth a restart; not counted yet.
        disrupted: lost to the cluster; never counted.
        known: failed, and counted before.
    """

    permanent: tuple[MemberState, ...] = ()
    retryable: tuple[MemberState, ...] = ()
    disrupted: tuple[MemberState, ...] = ()
    known: tuple[MemberState, ...] = ()

    @property
    def first(self) -> MemberState | None:
        """The one that explains the rest."""
        return next(iter((*self.permanent, *self.retryable, *self.disrupted)), None)


def losses_of(members: list[MemberState], status: Status, policy: RunPolicy) -> Losses:
    """The losses among an attempt's members that have not been judged before."""
    sorted_by: dict[Loss, list[MemberState]] = {loss: [] for loss in Loss}
    known: list[MemberState] = []
    counted = frozenset(status.counted_pods)
    for state in sorted(members, key=lambda s: (s.finished or datetime.max.replace(tzinfo=UTC), s.name)):
        loss = loss_of(state, policy)
        # One that was counted stays so: when its deletion is seen, it is not disrupted on top of that.
        if loss is not None and state.uid in counted:
            known.append(state)
        elif loss is not None:
            sorted_by[loss].append(state)
    return Losses(
        permanent=tuple(sorted_by[Loss.PERMANENT]),
        retryable=tuple(sorted_by[Loss.RETRYABLE]),
        disrupted=tuple(sorted_by[Loss.DISRUPTED]),
        known=tuple(known),
    )


def count(status: Status, losses: Losses, policy: RunPolicy, now: datetime) -> Status:
    """The status with every new failure counted once: in place each one, else the attempt as a whole."""
    first = losses.first
    if first is None:
        return status
    failed = [state.uid for state in (*losses.permanent, *losses.retryable)]
    # A failure that cannot be mended is judged, but it is no restart.
    new = 0 if losses.permanent else len(losses.retryable)
    new = min(new, 1) if policy.restart_strategy == "Recreate" else new
    return status.model_copy(
        update={
            # Not fewer than there were, though the limit may be lower by now.
            "restarts": max(status.restarts, min(status.restarts + new, policy.max_restarts)),
            "backoff": next_backoff(status, losses.retryable, now) if new else status.backoff,
            "counted_pods": [*status.counted_pods, *failed][-MAX_COUNTED:],
            "last_failure": last_failure(first),
            **_disruptions(status, losses),
        }
    )


def new_disruptions(losses: Losses, before: Status) -> list[MemberState]:
    """The disrupted members that have not been told of."""
    return [state for state in losses.disrupted if state.uid not in before.disrupted_pods]


def _disruptions(status: Status, losses: Losses) -> dict[str, object]:
    """What the status remembers of disruptions once the new ones are told; pods that are gone it forgets."""
    new = new_disruptions(losses, status)
    if not new:
        return {}
    uids = [state.uid for state in losses.disrupted][-MAX_COUNTED:]
    return {"disrupted_pods": uids, "refusals": status.refusals + any(state.refused for state in new)}


def exhausted(status: Status, losses: Losses, policy: RunPolicy) -> bool:
    """Whether the new failures are more than the restarts that are left."""
    new = len(losses.retryable)
    new = min(new, 1) if policy.restart_strategy == "Recreate" else new
    return status.restarts + new > policy.max_restarts


def last_failure(state: MemberState) -> LastFailure:
    """A lost member, for the status."""
    return LastFailure(
        pod=state.name[:MAX_NAME],
        node=state.node[:MAX_NAME],
        exit_code=state.exit_code,
        reason=state.reason[:MAX_WORD],
        message=state.message[-MAX_MESSAGE:],
    )


def failure_reason(state: MemberState) -> str:
    """The reason of the Failed condition for a permanent failure."""
    return "InvalidKid" if state.exit_code == INVALID_KID else "PodFailed"


def tell(state: MemberState) -> str:
    """A lost member in a sentence."""
    where = f" on {state.node}" if state.node else ""
    how = f" with exit code {state.exit_code}" if state.exit_code is not None else ""
    why = f" ({state.reason})" if state.reason and state.reason != "Error" else ""
    last = f": {state.message[-MAX_MESSAGE:].strip()}" if state.message.strip() else ""
    verb = "was lost" if state.disrupted or state.terminating else "failed"
    return f"{state.name}{where} {verb}{how}{why}{last}"
