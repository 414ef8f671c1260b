"""Which kinds of volumes the pods of a job may have: the word of whoever runs the operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from akid.job.api.engine import RoleName
from akid.job.api.job import AkidJob
from akid.job.objects.volumes import pod_volumes

# What Kubernetes makes of a volume that says nothing.
UNSAID = "emptyDir"


def volume_problem(job: AkidJob, allowed: frozenset[str]) -> str:
    """What is wrong if a pod of the job would have a volume of another kind; else empty.

    Args:
        job: the job.
        allowed: kinds, as they are called in a pod's spec, e.g. `hostPath`; empty for all.
    """
    for path, volume in _volumes(job) if allowed else ():
        kinds = sorted(name for name, value in volume.items() if name != "name" and value is not None)
        if not allowed.issuperset(kinds or [UNSAID]):
            return (
                f"{path}: jobs may not have volumes of this kind on this cluster. Received: {', '.join(kinds)}. "
                f"Allowed: {', '.join(sorted(allowed))}. Use one of these, or ask whoever runs the operator "
                "(--allowed-volume, in the chart jobs.allowedVolumes)."
            )
    return ""


def _volumes(job: AkidJob) -> Iterator[tuple[str, dict[str, Any]]]:
    """The volumes that the job asks for with their places; not those that the operator adds by itself."""
    made = {volume["name"]: volume for volume in pod_volumes(job, token=False)[0]}
    asked = job.spec.volumes
    for name, given in (("data", asked.data), ("log", asked.log)):
        if given is not None:
            yield f"spec.volumes.{name}", made[f"akid-{name}"]
    for role in (role for role, number in job.spec.engine.counts.items() if number):
        spec = job.spec.template_of(role).to_json().get("spec", {})
        for index, volume in enumerate(spec.get("volumes", [])):
            yield f"{_place(job, role)}.spec.volumes[{index}]", volume


def _place(job: AkidJob, role: RoleName) -> str:
    own = getattr(job.spec.roles, role)
    return f"spec.roles.{role}.template" if own and own.template else "spec.template"
