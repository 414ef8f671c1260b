"""Gangs: all pods of a job or none. One table of schedulers behind one small interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from akid.job.api.job import AkidJob


@dataclass(frozen=True)
class GangScheduler:
    """A scheduler that knows PodGroups.

    Args:
        name: its name in spec.scheduling.gang.
        api_version: of its PodGroup.
        scheduler: spec.schedulerName of the pods.
        label: the pods' label that names their group.
        annotation: the pods' annotation that names their group.
        holds: whether pods wait until the group is admitted (else they would use up the quota).
    """

    name: str
    api_version: str
    scheduler: str
    label: str = ""
    annotation: str = ""
    holds: bool = False

    def labels(self, job: AkidJob) -> dict[str, str]:
        """Labels of the pods."""
        return {self.label: job.metadata.name} if self.label else {}

    def annotations(self, job: AkidJob) -> dict[str, str]:
        """Annotations of the pods."""
        return {self.annotation: job.metadata.name} if self.annotation else {}

    def group_spec(self, job: AkidJob) -> dict[str, Any]:
        """The spec of the job's PodGroup."""
        scheduling, engine = job.spec.scheduling, job.spec.engine
        members = scheduling.min_available or engine.min_workers or engine.size
        spec: dict[str, Any] = {"minMember": members}
        if self.name == "volcano":
            spec |= {"queue": scheduling.queue} if scheduling.queue else {}
            spec |= {"priorityClassName": scheduling.priority_class_name} if scheduling.priority_class_name else {}
        return spec

    def admitted(self, group: dict[str, Any]) -> bool:
        """Whether the pods of a group (as the cluster shows it) may be made."""
        phase = group.get("status", {}).get("phase", "")
        return not self.holds or phase in ("Inqueue", "Running", "Unknown", "Completed")


GANGS = {
    gang.name: gang
    for gang in (
        GangScheduler(
            "coscheduling", "scheduling.x-k8s.io/v1alpha1", "scheduler-plugins-scheduler",
            label="scheduling.x-k8s.io/pod-group",
        ),
        GangScheduler(
            "volcano", "scheduling.volcano.sh/v1beta1", "volcano",
            annotation="scheduling.k8s.io/group-name", holds=True,
        ),
    )
}  # fmt: skip


def gang_of(job: AkidJob) -> GangScheduler | None:
    """The job's gang scheduler, if it wants one."""
    return GANGS.get(job.spec.scheduling.gang)


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
