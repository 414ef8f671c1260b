"""What the cluster shows of a pod, as the planner needs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from akid.job.api.base import parse_time
from akid.job.api.engine import RoleName
from akid.job.api.template import TRAINER
from akid.job.gang import GANGS
from akid.job.members import GangState, Member, MemberState, Phase
from akid.job.names import ATTEMPT_LABEL, INDEX_LABEL, JOB_LABEL, ROLE_LABEL

Object = Mapping[str, Any]
NOTHING: Object = {}
# Reasons of a pod (status.reason) that are the cluster's doing.
DISRUPTIONS = frozenset({
    "Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting", "Preempted",
    "NodeAffinity", "UnexpectedAdmissionError", "UnexpectedPodSpec",
})  # fmt: skip


def member_state(pod: Object) -> MemberState:
    """A pod as the planner sees it; whatever is missing or strange in it is taken as absent."""
    metadata, status = _mapping(pod, "metadata"), _mapping(pod, "status")
    ended, waiting = _trainer_state(pod, status)
    phase = _phase(status, ended)
    exit_code = ended.get("exitCode")
    reason, message = _why(status, ended, waiting, phase)
    return MemberState(
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        member=_member(_mapping(metadata, "labels")),
        attempt=_number(_mapping(metadata, "labels").get(ATTEMPT_LABEL), -1),
        phase=phase,
        ready=_condition(status, "Ready").get("status") == "True",
        node=str(_mapping(pod, "spec").get("nodeName", "")),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        reason=reason,
        message=message,
        disrupted=_disrupted(status),
        created=_time(metadata.get("creationTimestamp")),
        finished=_time(ended.get("finishedAt")),
        deletion_due=_time(metadata.get("deletionTimestamp")),
        # A deletion without a grace period waits for no node.
        finalizer_blocked="deletionTimestamp" in metadata and metadata.get("deletionGracePeriodSeconds") == 0,
    )


def gang_state(group: Object) -> GangState:
    """A PodGroup as the planner sees it."""
    metadata = _mapping(group, "metadata")
    scheduler = next((g for g in GANGS.values() if g.api_version == group.get("apiVersion")), None)
    return GangState(
        uid=str(metadata.get("uid", "")),
        attempt=_number(_mapping(metadata, "labels").get(ATTEMPT_LABEL), -1),
        admitted=scheduler is None or scheduler.admitted(dict(group)),
    )


def _member(labels: Object) -> Member | None:
    """Without the job's label no watch shows it: then it is no member, whatever else it says."""
    if JOB_LABEL not in labels:
        return None
    role, index = labels.get(ROLE_LABEL), _number(labels.get(INDEX_LABEL), -1)
    return Member(RoleName(role), index) if role in list(RoleName) and index >= 0 else None


def _trainer_state(pod: Object, status: Object) -> tuple[Object, Object]:
    """(terminated, waiting) state of the container that runs the kid; a first container stands for it."""
    names = [str(c.get("name", "")) for c in _items(_mapping(pod, "spec"), "containers")]
    wanted = TRAINER if TRAINER in names or not names else names[0]
    mine = next((s for s in _items(status, "containerStatuses") if s.get("name") == wanted), NOTHING)
    state = _mapping(mine, "state")
    starting = [_mapping(s, "state") for s in _items(status, "initContainerStatuses")]
    held = next((_mapping(s, "waiting") for s in starting if _mapping(s, "waiting")), NOTHING)
    return _mapping(state, "terminated"), _mapping(state, "waiting") or held


def _phase(status: Object, ended: Object) -> Phase:
    """The trainer decides: a side-car may run on after it."""
    if "exitCode" in ended:
        return Phase.SUCCEEDED if ended["exitCode"] == 0 else Phase.FAILED
    phase = status.get("phase")
    return Phase(phase) if phase in list(Phase) else Phase.PENDING


def _why(status: Object, ended: Object, waiting: Object, phase: Phase) -> tuple[str, str]:
    """(reason, message): why it failed, what it waits for, or why it is to end."""
    if phase is Phase.FAILED:
        reason = status.get("reason") or ended.get("reason") or "Error"
        return str(reason), str(ended.get("message") or status.get("message") or "")
    target = _condition(status, "DisruptionTarget")
    if target.get("status") == "True":
        return str(target.get("reason", "")), str(target.get("message", ""))
    if phase is not Phase.PENDING:
        return "", ""
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason", "")), str(scheduled.get("message", ""))
    return str(waiting.get("reason", "")), str(waiting.get("message", ""))


def _disrupted(status: Object) -> bool:
    reason = str(status.get("reason", ""))
    refused = reason in DISRUPTIONS or reason.startswith("OutOf")
    return refused or _condition(status, "DisruptionTarget").get("status") == "True"


def _condition(status: Object, kind: str) -> Object:
    return next((c for c in _items(status, "conditions") if c.get("type") == kind), NOTHING)


def _mapping(value: Object, key: str) -> Object:
    inner = value.get(key)
    return cast("Object", inner) if isinstance(inner, Mapping) else NOTHING


def _items(value: Object, key: str) -> list[Object]:
    inner = value.get(key)
    items = cast("list[object]", inner) if isinstance(inner, list) else []
    return [cast("Object", item) for item in items if isinstance(item, Mapping)]


def _number(value: object, default: int) -> int:
    return int(value) if isinstance(value, str) and value.isdigit() else default


def _time(value: object) -> datetime | None:
    time = parse_time(value)
    return time if isinstance(time, datetime) else None
