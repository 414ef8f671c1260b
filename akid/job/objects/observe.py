"""What the cluster shows of a pod, as the planner needs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from akid.job.api.base import parse_time
from akid.job.api.engine import RoleName
from akid.job.api.template import TRAINER, says_train
from akid.job.gang import GANGS
from akid.job.members import NOT_SET_UP, STARTING, GangState, Member, MemberState, Phase
from akid.job.names import (
    ATTEMPT_LABEL,
    INDEX_LABEL,
    JOB_LABEL,
    ROLE_LABEL,
    TEMPLATE_ANNOTATION,
    TRAINER_ANNOTATION,
)
from akid.job.parts import NOTHING, Object, items, mapping

# Reasons of a pod (status.reason) that are the cluster's doing.
DISRUPTIONS = frozenset({
    "Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting", "Preempted",
})  # fmt: skip
# How the status begins that akid's trainer leaves at its end; see `akid.trainer.progress.last_words`.
STATUS = '{"member": '
# What a kubelet says of a pod that it ends for the pod's own sake, though nothing of it may have run.
OWN = ("", "DeadlineExceeded")


def member_state(pod: Object) -> MemberState:
    """A pod as the planner sees it; whatever is missing or strange in it is taken as absent."""
    metadata, status = mapping(pod, "metadata"), mapping(pod, "status")
    trainer = _trainer_name(pod)
    states = _states(status)
    ended = mapping(states.get(trainer, NOTHING), "terminated")
    disrupted, refused = _disrupted(status, ended), _refused(status, states)
    phase = _phase(status, ended, disrupted)
    exit_code = ended.get("exitCode")
    # A deletion without a grace period waits for no node.
    at_once = "deletionTimestamp" in metadata and metadata.get("deletionGracePeriodSeconds") == 0
    reason, message = _why(status, trainer, states, phase)
    message, report = _parted(message, phase)
    return MemberState(
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        member=_member(mapping(metadata, "labels")),
        attempt=_number(mapping(metadata, "labels").get(ATTEMPT_LABEL), -1),
        phase=phase,
        ready=_condition(status, "Ready").get("status") == "True",
        node=str(mapping(pod, "spec").get("nodeName", "")),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        reason=reason,
        message=message,
        report=report,
        disrupted=disrupted or refused,
        refused=refused,
        created=_time(metadata.get("creationTimestamp")),
        finished=_time(ended.get("finishedAt")),
        deletion_due=_time(metadata.get("deletionTimestamp")),
        finalizer_blocked=at_once and bool(metadata.get("finalizers")),
        half_deleted=at_once and not metadata.get("finalizers"),
        template=str(mapping(metadata, "annotations").get(TEMPLATE_ANNOTATION, "")),
        unreachable=_unreachable(mapping(pod, "spec"), status),
        supervised=says_train(trainer_of_pod(pod)),
        outlived="exitCode" in ended and status.get("phase") not in ("Succeeded", "Failed"),
    )


def gang_state(group: Object) -> GangState:
    """A PodGroup as the planner sees it."""
    metadata = mapping(group, "metadata")
    api_version = str(group.get("apiVersion", ""))
    scheduler = next((gang for gang in GANGS if gang.api_version == api_version), None)
    return GangState(
        uid=str(metadata.get("uid", "")),
        attempt=_number(mapping(metadata, "labels").get(ATTEMPT_LABEL), -1),
        admitted=scheduler is None or scheduler.admitted(dict(group)),
        api_version=api_version,
    )


def trainer_of_pod(pod: Object) -> Object:
    """The container of a pod that runs the kid; {} if it has none."""
    containers = items(mapping(pod, "spec"), "containers")
    return next((c for c in containers if c.get("name") == _trainer_name(pod)), NOTHING)


def _member(labels: Object) -> Member | None:
    """Without the job's label no watch shows it: then it is no member, whatever else it says."""
    if JOB_LABEL not in labels:
        return None
    role, index = labels.get(ROLE_LABEL), _number(labels.get(INDEX_LABEL), -1)
    return Member(RoleName(role), index) if role in list(RoleName) and index >= 0 else None


def _trainer_name(pod: Object) -> str:
    """The container that runs the kid, as the pod was made with it; others may have been put beside it since."""
    named = mapping(mapping(pod, "metadata"), "annotations").get(TRAINER_ANNOTATION)
    if isinstance(named, str):
        return named
    # Made by an earlier version: only the trainer knows its role.
    for container in items(mapping(pod, "spec"), "containers"):
        if any(entry.get("name") == "AKID_ROLE" for entry in items(container, "env")):
            return str(container.get("name", ""))
    return TRAINER


def _states(status: Object) -> dict[str, Object]:
    """The state of every container by its name, in the order in which they start."""
    kinds = ("initContainerStatuses", "containerStatuses")
    return {str(s.get("name", "")): mapping(s, "state") for kind in kinds for s in items(status, kind)}


def _phase(status: Object, ended: Object, disrupted: bool) -> Phase:
    """The trainer decides: a side-car may run on after it. One that was evicted before has not succeeded."""
    if "exitCode" in ended:
        return Phase.SUCCEEDED if ended["exitCode"] == 0 and not disrupted else Phase.FAILED
    phase = status.get("phase")
    return Phase(phase) if phase in list(Phase) else Phase.PENDING


def _why(status: Object, trainer: str, states: Mapping[str, Object], phase: Phase) -> tuple[str, str]:
    """(reason, message): why it failed, what it waits for, why it is to end; what it said last if it succeeded."""
    if phase is Phase.FAILED:
        return _why_failed(status, trainer, states)
    if phase is Phase.SUCCEEDED:
        return "", str(mapping(states.get(trainer, NOTHING), "terminated").get("message") or "")
    target = _condition(status, "DisruptionTarget")
    if target.get("status") == "True":
        return str(target.get("reason", "")), str(target.get("message", ""))
    if phase is not Phase.PENDING:
        return "", ""
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason", "")), str(scheduled.get("message", ""))
    reason, message = _why_waiting(trainer, states)
    if reason in STARTING and _condition(status, "PodReadyToStartContainers").get("status") == "False":
        return NOT_SET_UP, "its volumes or its network are not set up; `kubectl describe pod` tells which"
    return reason, message


def _parted(message: str, phase: Phase) -> tuple[str, str]:
    """(why it failed, status) of a termination message: its last line may be the status, all of it on success."""
    if phase is Phase.SUCCEEDED:
        return "", message
    said, _, last = message.rpartition("\n")
    return (said, last) if last.startswith(STATUS) else (message, "")


def _why_failed(status: Object, trainer: str, states: Mapping[str, Object]) -> tuple[str, str]:
    """The cluster's reason, else the trainer's, else that of the container for which the trainer never ran."""
    ended = mapping(states.get(trainer, NOTHING), "terminated")
    message = str(ended.get("message") or status.get("message") or "")
    if status.get("reason") or ended:
        return str(status.get("reason") or ended.get("reason") or "Error"), message
    for name, state in states.items():
        other = mapping(state, "terminated")
        if other.get("exitCode", 0) != 0:
            reason = str(other.get("reason") or "Error")
            why = "" if reason == "Error" else f" ({reason})"
            last = f": {other['message']}" if other.get("message") else ""
            code = f"container {name} ended with exit code {other['exitCode']}"
            return "ContainerFailed" if reason == "Error" else reason, f"{code}{why}{last}"
    return "Error", message


def _why_waiting(trainer: str, states: Mapping[str, Object]) -> tuple[str, str]:
    """What the trainer waits for; if that is just its turn, what the first of the others waits for."""
    waiting = {name: held for name, state in states.items() if (held := mapping(state, "waiting"))}
    in_order = [name for name in (trainer, *waiting) if name in waiting]
    stuck = [name for name in in_order if waiting[name].get("reason") not in STARTING]
    name = next(iter([*stuck, *in_order]), "")
    held = waiting.get(name, NOTHING)
    reason, message = str(held.get("reason", "")), str(held.get("message", ""))
    return reason, message if name in (trainer, "") else f"container {name}: {message or reason}"


def _disrupted(status: Object, ended: Object) -> bool:
    """Whether the cluster ended it: not if its trainer had ended by itself before."""
    target = _condition(status, "DisruptionTarget")
    if target.get("status") != "True":
        return str(status.get("reason", "")) in DISRUPTIONS
    finished, since = _time(ended.get("finishedAt")), _time(target.get("lastTransitionTime"))
    return finished is None or since is None or finished >= since


def _unreachable(spec: Object, status: Object) -> bool:
    """Whether its node does not answer: nobody else says that a pod is not ready whose containers are."""
    ready = [_condition(status, kind).get("status") for kind in ("ContainersReady", "Ready")]
    return ready == ["True", "False"] and not spec.get("readinessGates")


def _refused(status: Object, states: Mapping[str, Object]) -> bool:
    """Whether its node would not run it, whatever it calls that: it has failed, and nothing of it ever ran."""
    ran = any(state.get("terminated") or state.get("running") for state in states.values())
    return status.get("phase") == "Failed" and not ran and status.get("reason", "") not in OWN


def _condition(status: Object, kind: str) -> Object:
    return next((c for c in items(status, "conditions") if c.get("type") == kind), NOTHING)


def _number(value: object, default: int) -> int:
    return int(value) if isinstance(value, str) and value.isdigit() else default


def _time(value: object) -> datetime | None:
    time = parse_time(value)
    return time if isinstance(time, datetime) else None
