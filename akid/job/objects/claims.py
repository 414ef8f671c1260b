"""Claims that are there already, and whether the pods of a job can share them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from akid.job.api.job import AkidJob

SHARED = frozenset({"ReadWriteMany"})
SHARED_DATA = SHARED | {"ReadOnlyMany"}


def shared_claims(job: AkidJob) -> dict[str, str]:
    """The names of the claims that several pods of a job would share, by the volume's path in the manifest."""
    if job.spec.engine.size == 1:
        return {}
    volumes = {"spec.volumes.data": job.spec.volumes.data, "spec.volumes.log": job.spec.volumes.log}
    return {path: volume.claim_name for path, volume in volumes.items() if volume and volume.claim_name}


def claim_problem(job: AkidJob, claims: Mapping[str, Mapping[str, Any]]) -> str:
    """Why the pods of a job cannot share its claims; empty if they can, for all that is known.

    Args:
        job: the job.
        claims: the claims that are there, as the server has them, by name.
    """
    for path, name in shared_claims(job).items():
        claim = claims.get(name)
        modes = _modes(claim) if claim is not None else []
        fit = SHARED_DATA if path.endswith("data") else SHARED
        if modes and not fit.intersection(modes):
            return (
                f"{path}.claimName: the {job.spec.engine.size} pods of the job may run on several nodes, "
                f"and the claim {name!r} is for one. Expected ReadWriteMany. Received: {', '.join(modes)}."
            )
    return ""


def _modes(claim: Mapping[str, Any]) -> list[str]:
    """Once it is bound, those of its volume count, which may be more than were asked for."""
    spec: Mapping[str, list[str]] = claim.get("spec") or {}
    status: Mapping[str, list[str]] = claim.get("status") or {}
    return status.get("accessModes") or spec.get("accessModes") or []
