"""What matters of a job's pods to whoever wants to hear them."""

from __future__ import annotations

from akid.cluster.kubectl import Json
from akid.job import AkidJob
from akid.job.objects.observe import trainer_of_pod


def owned(pod: Json, job: AkidJob) -> bool:
    """Whether it is one of the job, not of an earlier one of that name."""
    owners = pod["metadata"].get("ownerReferences", [])
    return any(owner.get("uid") == job.metadata.uid and owner.get("controller") for owner in owners)


def speaker(pod: Json) -> str:
    """The container that is listened to: the trainer, or the only one."""
    containers = pod.get("spec", {}).get("containers", [])
    return str((trainer_of_pod(pod) or containers[0]).get("name", ""))


def has_begun(pod: Json) -> bool:
    """Whether that container has started, and so may have said something."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    states = [status.get("state", {}) for status in statuses if status.get("name") == speaker(pod)]
    return any("running" in state or "terminated" in state for state in states)


def runs(pod: Json) -> bool:
    """Whether something can be run in it."""
    going = "deletionTimestamp" in pod.get("metadata", {})
    return pod.get("status", {}).get("phase") == "Running" and not going and has_begun(pod)
