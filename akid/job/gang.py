"""Gangs: all pods of a job or none. One table of schedulers behind one small interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from akid.job.api.job import AkidJob
from akid.job.api.policy import Scheduling

Spec = dict[str, Any]


def _counted(members: int, scheduling: Scheduling) -> Spec:
    return {"minMember": members}


def _queued(members: int, scheduling: Scheduling) -> Spec:
    named = {"queue": scheduling.queue, "priorityClassName": scheduling.priority_class_name}
    return {"minMember": members, **{name: value for name, value in named.items() if value}}


def _native(members: int, scheduling: Scheduling) -> Spec:
    """The group's priority decides whom it may push aside; that of its pods does not."""
    name = scheduling.priority_class_name
    return {**_native_alpha(members, scheduling), **({"priorityClassName": name} if name else {})}


def _native_alpha(members: int, scheduling: Scheduling) -> Spec:
    """Before 1.37 a group of its own priority is behind a feature gate of its own."""
    return {"schedulingPolicy": {"gang": {"minCount": members}}}


@dataclass(frozen=True)
class GangScheduler:
    """A scheduler that knows PodGroups, by one version of their API.

    Args:
        name: its name in spec.scheduling.gang.
        api_version: of its PodGroup.
        spec: of a PodGroup for so many members.
        scheduler: spec.schedulerName of the pods; empty for the cluster's own.
        label: the pods' label that names their group.
        annotation: the pods' annotation that names their group.
        field: the pods' field of their spec that names their group, as `podGroupName`.
        holds: whether pods wait until the group is admitted (else they would use up the quota).
        remedy: what to do where it is missing.
    """

    name: str
    api_version: str
    spec: Callable[[int, Scheduling], Spec] = _counted
    scheduler: str = ""
    label: str = ""
    annotation: str = ""
    field: str = ""
    holds: bool = False
    remedy: str = ""

    def labels(self, job: AkidJob) -> dict[str, str]:
        """Labels of the pods."""
        return {self.label: job.metadata.name} if self.label else {}

    def annotations(self, job: AkidJob) -> dict[str, str]:
        """Annotations of the pods."""
        return {self.annotation: job.metadata.name} if self.annotation else {}

    def pod_fields(self, job: AkidJob) -> dict[str, Any]:
        """Fields of the pods' spec."""
        return {self.field: {"podGroupName": job.metadata.name}} if self.field else {}

    def group_spec(self, job: AkidJob) -> dict[str, Any]:
        """The spec of the job's PodGroup."""
        scheduling, engine = job.spec.scheduling, job.spec.engine
        return self.spec(scheduling.min_available or engine.min_workers or engine.size, scheduling)

    def admitted(self, group: dict[str, Any]) -> bool:
        """Whether the pods of a group (as the cluster shows it) may be made."""
        phase = group.get("status", {}).get("phase", "")
        return not self.holds or phase in ("Inqueue", "Running", "Unknown", "Completed")


_GATE = "turn on the feature gate GenericWorkload of Kubernetes 1.37 (1.36: and GangScheduling)"
#: Of those of one name, the API that is wanted most comes first.
GANGS = (
    GangScheduler(
        "coscheduling", "scheduling.x-k8s.io/v1alpha1", scheduler="scheduler-plugins-scheduler",
        label="scheduling.x-k8s.io/pod-group", remedy="install coscheduling",
    ),
    GangScheduler(
        "volcano", "scheduling.volcano.sh/v1beta1", _queued, scheduler="volcano",
        annotation="scheduling.k8s.io/group-name", holds=True, remedy="install volcano",
    ),
    GangScheduler(
        "kubernetes", "scheduling.k8s.io/v1beta1", _native, field="schedulingGroup", remedy=_GATE,
    ),
    GangScheduler(
        "kubernetes", "scheduling.k8s.io/v1alpha2", _native_alpha, field="schedulingGroup", remedy=_GATE,
    ),
)  # fmt: skip


def gang_of(job: AkidJob, served: frozenset[str] = frozenset()) -> GangScheduler | None:
    """The job's gang scheduler, if it wants one.

    Args:
        job: the job.
        served: the apiVersions of PodGroups that the cluster has; they choose among those of one scheduler.
    """
    named = [gang for gang in GANGS if gang.name == job.spec.scheduling.gang]
    return next((gang for gang in named if gang.api_version in served), named[0] if named else None)


def queue_marks(job: AkidJob) -> tuple[dict[str, str], dict[str, str]]:
    """(labels, annotations) that make Kueue admit the job's pods as a group; none with Volcano's queue."""
    queue = job.spec.scheduling.queue
    if not queue or job.spec.scheduling.gang == "volcano":
        return {}, {}
    labels = {"kueue.x-k8s.io/queue-name": queue}
    members = job.spec.engine.size
    if members == 1:
        return labels, {}
    return (
        {**labels, "kueue.x-k8s.io/pod-group-name": job.metadata.name},
        {"kueue.x-k8s.io/pod-group-total-count": str(members)},
    )
