"""The volumes of a member's pod and where they are mounted."""

from __future__ import annotations

from typing import Any

from akid.job.api.job import AkidJob
from akid.job.api.volumes import Volume
from akid.job.names import ObjectRole, object_name

Manifest = dict[str, Any]
DATA_PATH = "/akid/data"
LOG_PATH = "/akid/log"
KID_DIR = "/akid/kid"
KID_FILE = "job.yaml"
TOKEN_DIR = "/akid/token"
TOKEN_FILE = "token"


def log_dir(job: AkidJob) -> str:
    """The run directory: one of the job's own on the volume, which jobs may share."""
    return f"{LOG_PATH}/{job.metadata.name}"


def pod_volumes(job: AkidJob, *, token: bool) -> tuple[list[Manifest], list[Manifest]]:
    """(volumes, mounts): data, log, the kid, shared memory and, if asked for, the rendezvous' token."""
    volumes = [
        {"name": "akid-data", **_source(job, job.spec.volumes.data, ObjectRole.DATA_CLAIM)},
        {"name": "akid-log", **_source(job, job.spec.volumes.log, ObjectRole.LOG_CLAIM)},
        {"name": "akid-kid", "configMap": {"name": object_name(job, ObjectRole.CONFIG)}},
        {"name": "akid-shm", "emptyDir": {"medium": "Memory"}},
    ]
    data = job.spec.volumes.data
    mounts: list[Manifest] = [
        {"name": "akid-data", "mountPath": DATA_PATH} | ({"readOnly": True} if data and data.read_only else {}),
        {"name": "akid-log", "mountPath": LOG_PATH},
        {"name": "akid-kid", "mountPath": KID_DIR, "readOnly": True},
        {"name": "akid-shm", "mountPath": "/dev/shm"},
    ]
    if token:
        secret = {"secretName": object_name(job, ObjectRole.TOKEN), "defaultMode": 0o440}
        volumes.append({"name": "akid-token", "secret": secret})
        mounts.append({"name": "akid-token", "mountPath": TOKEN_DIR, "readOnly": True})
    return volumes, mounts


def _source(job: AkidJob, volume: Volume | None, claim: ObjectRole) -> Manifest:
    if volume is None:
        return {"emptyDir": {}}
    if volume.claim_template is not None or volume.claim_name is not None:
        name = volume.claim_name or object_name(job, claim)
        return {"persistentVolumeClaim": {"claimName": name} | ({"readOnly": True} if volume.read_only else {})}
    if volume.host_path is not None:
        return {"hostPath": volume.host_path.model_dump(exclude_none=True)}
    return {"emptyDir": volume.empty_dir.model_dump(exclude_unset=True) if volume.empty_dir else {}}
