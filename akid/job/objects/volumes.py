"""The volumes of a member's pod and where they are mounted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from akid.job.api.job import AkidJob
from akid.job.api.volumes import GlusterFs, Volume
from akid.job.names import ObjectRole, object_name

Manifest = dict[str, Any]
DATA_PATH = "/akid/data"
LOG_PATH = "/akid/log"
KID_DIR = "/akid/kid"
KID_FILE = "job.yaml"
TOKEN_DIR = "/akid/token"
TOKEN_FILE = "token"
# The node driver of operator/akid_csi.
GLUSTER_DRIVER = "gluster.csi.akid.dev"
NOBODY: Mapping[str, Any] = MappingProxyType({})


def run_directory(job: AkidJob) -> str:
    """The run directory on the log volume, which jobs of all namespaces may share.

    It has a part of the UID, so that a job made anew begins anew; an older job's is asked for by its name.
    """
    log = job.spec.volumes.log
    own = f"{job.metadata.name}-{job.metadata.uid[:8]}".rstrip("-")
    return f"{job.metadata.namespace}/{(log and log.resume_from) or own}"


def log_dir(job: AkidJob) -> str:
    """The same in the container."""
    return f"{LOG_PATH}/{run_directory(job)}"


def pod_volumes(
    job: AkidJob, *, token: bool, security: Mapping[str, Any] = NOBODY
) -> tuple[list[Manifest], list[Manifest]]:
    """(volumes, mounts): data, log, the kid, shared memory and, if asked for, the rendezvous' token.

    Args:
        job: the job.
        token: whether there is a rendezvous.
        security: the pod's securityContext, whose user and group own the directories that are made.
    """
    data, log = job.spec.volumes.data, job.spec.volumes.log
    volumes: list[Manifest] = [
        {"name": "akid-data", **_source(job, data, ObjectRole.DATA_CLAIM, security)},
        {"name": "akid-log", **_source(job, log, ObjectRole.LOG_CLAIM, security, run_directory(job))},
        {"name": "akid-shm", "emptyDir": {"medium": "Memory"}},
    ]
    # Of a GlusterFS volume a pod sees its own run directory only, not those of others.
    place = log_dir(job) if log and log.glusterfs else LOG_PATH
    mounts: list[Manifest] = [
        {"name": "akid-data", "mountPath": DATA_PATH, **_mounting(data)},
        {"name": "akid-log", "mountPath": place, **_mounting(log)},
        {"name": "akid-shm", "mountPath": "/dev/shm"},
    ]
    if job.spec.kid is not None:
        volumes.append({"name": "akid-kid", "configMap": {"name": object_name(job, ObjectRole.CONFIG)}})
        mounts.append({"name": "akid-kid", "mountPath": KID_DIR, "readOnly": True})
    if token:
        secret = {"secretName": object_name(job, ObjectRole.TOKEN), "defaultMode": 0o440}
        volumes.append({"name": "akid-token", "secret": secret})
        mounts.append({"name": "akid-token", "mountPath": TOKEN_DIR, "readOnly": True})
    return volumes, mounts


def _mounting(volume: Volume | None) -> Manifest:
    """How a container mounts it. What the driver mounts anew after its restart has to get into the container.

    Not what a claim names: where its directory is on a mount that is not shared, no container could be made.
    """
    return {
        **({"readOnly": True} if volume and volume.is_read_only else {}),
        **({"mountPropagation": "HostToContainer"} if volume and volume.glusterfs else {}),
    }


def _source(
    job: AkidJob, volume: Volume | None, claim: ObjectRole, security: Mapping[str, Any], below: str = ""
) -> Manifest:
    """The volume's source; `below` is a directory in it that is to be made, where the source can."""
    if volume is None:
        return {"emptyDir": {}}
    if volume.glusterfs is not None:
        return {"csi": _gluster(volume.glusterfs, volume.is_read_only, security, below)}
    if volume.claim_template is not None or volume.claim_name is not None:
        name = volume.claim_name or object_name(job, claim)
        return {"persistentVolumeClaim": {"claimName": name} | ({"readOnly": True} if volume.read_only else {})}
    if volume.host_path is not None:
        return {"hostPath": volume.host_path.model_dump(exclude_none=True)}
    return {"emptyDir": volume.empty_dir.model_dump(exclude_unset=True) if volume.empty_dir else {}}


def _gluster(source: GlusterFs, read_only: bool, security: Mapping[str, Any], below: str) -> Manifest:
    """An inline CSI volume: no PersistentVolume, and no rights to make one."""
    sub_dir = "/".join(part for part in (source.path.strip("/"), below) if part)
    owner = {"uid": security.get("runAsUser"), "gid": security.get("fsGroup")}
    return {
        "driver": GLUSTER_DRIVER,
        "readOnly": read_only,
        "volumeAttributes": {
            "servers": ",".join(source.servers),
            "volume": source.volume,
            **({"subDir": sub_dir} if sub_dir else {}),
            **{name: str(number) for name, number in owner.items() if number is not None},
        },
    }
