"""The job's objects beside its pods: the kid, the rendezvous' token, claims, Services, the PodGroup."""

from __future__ import annotations

from typing import Any

from akid.job.api.base import short_hash
from akid.job.api.engine import RoleName
from akid.job.api.job import AkidJob
from akid.job.api.volumes import Volume
from akid.job.board import PARTS, board_content
from akid.job.gang import gang_of
from akid.job.manifest import dialect
from akid.job.members import Create
from akid.job.names import (
    ATTEMPT_LABEL,
    HASH_ANNOTATION,
    JOB_LABEL,
    ObjectRole,
    chief_label,
    job_labels,
    object_name,
)
from akid.job.objects.board import board_spec
from akid.job.objects.isolation import isolation
from akid.job.objects.pods import Manifest, PodDefaults, owner, pod, port
from akid.job.objects.tf_config import Place
from akid.job.objects.volumes import KID_FILE

# apiVersion and kind of each kind of object. A gang's differs by scheduler, and by what the cluster serves.
TYPES: dict[ObjectRole, tuple[str, str]] = {
    ObjectRole.CONFIG: ("v1", "ConfigMap"),
    ObjectRole.TOKEN: ("v1", "Secret"),
    ObjectRole.DATA_CLAIM: ("v1", "PersistentVolumeClaim"),
    ObjectRole.LOG_CLAIM: ("v1", "PersistentVolumeClaim"),
    ObjectRole.SERVICE: ("v1", "Service"),
    ObjectRole.RENDEZVOUS: ("v1", "Service"),
    ObjectRole.POLICY: ("networking.k8s.io/v1", "NetworkPolicy"),
    ObjectRole.BOARD: ("apps/v1", "Deployment"),
    ObjectRole.BOARD_SERVICE: ("v1", "Service"),
    ObjectRole.BOARD_POLICY: ("networking.k8s.io/v1", "NetworkPolicy"),
    ObjectRole.MEMBER: ("v1", "Pod"),
}

# What is said of numbers of workers and GPUs is no business of a training process, or said in another way.
_NUMBERS = {"workers", "min_workers", "gpus_per_worker", "num_gpu"}
# Those whose content follows from what may change while the job is suspended (a TensorBoard's: at any time).
# A PodGroup goes whenever it does.
CHANGING = (ObjectRole.SERVICE, ObjectRole.RENDEZVOUS, ObjectRole.BOARD)


def manifest(
    job: AkidJob, create: Create, settings: PodDefaults, place: Place, gangs: frozenset[str] = frozenset()
) -> Manifest:
    """The manifest of something a plan creates.

    A Secret comes without its data: whoever creates it puts a random text into `stringData.token`.

    Args:
        job: the job.
        create: what is made.
        settings: what the operator is set up with.
        place: where members run.
        gangs: the apiVersions of PodGroups that the cluster serves.
    """
    if create.kind is ObjectRole.MEMBER and create.member is not None:
        return pod(job, create.member, create.attempt, settings, place)
    if create.kind is ObjectRole.POLICY:
        return {**_head(job, create.kind), "spec": isolation(job, settings.status_peers or ())}
    if create.kind is ObjectRole.GANG:
        return _group(job, create.attempt, gangs)
    body = {"spec": board_spec(job, create.kind, settings)} if create.kind in PARTS else _body(job, create.kind)
    result = {**_head(job, create.kind), **body}
    if create.kind in CHANGING:
        result["metadata"]["annotations"] = {HASH_ANNOTATION: content_hash(job, create.kind)}
    return result


def content_hash(job: AkidJob, kind: ObjectRole) -> str:
    """What one of the job's objects is made from, in short."""
    return board_content(job) if kind is ObjectRole.BOARD else short_hash(_body(job, kind))


def type_of(job: AkidJob, kind: ObjectRole) -> tuple[str, str]:
    """(apiVersion, kind) of one of the job's objects, but for its PodGroup."""
    if kind is ObjectRole.JOB:
        return job.api_version, job.kind
    return TYPES[kind]


def kid_text(job: AkidJob) -> str:
    """The kid and its engine as a manifest the trainer can load; without what may change while it trains.

    Defaults are left out: whether they are spelt out (by the user, by a later version of the schema) is no
    difference, and the ConfigMap of a job that runs must not become another one.
    """
    engine = job.spec.engine.model_dump(exclude_defaults=True, exclude=_NUMBERS)
    if engine.get("parameterServers") == 1:
        del engine["parameterServers"]
    if job.spec.engine.gpus:
        engine["gpusPerWorker"] = job.spec.engine.gpus
    document: dict[str, Any] = {
        "apiVersion": job.api_version,
        "kind": job.kind,
        "metadata": {"name": job.metadata.name},
        "spec": {"kid": job.spec.trained_kid.arguments(), **({"engine": engine} if engine else {})},
    }
    return dialect.write(document)


def _group(job: AkidJob, attempt: int, gangs: frozenset[str]) -> Manifest:
    gang = gang_of(job, gangs)
    assert gang is not None
    result = {**_head(job, ObjectRole.GANG, (gang.api_version, "PodGroup")), "spec": gang.group_spec(job)}
    result["metadata"]["labels"][ATTEMPT_LABEL] = str(attempt)
    return result


def _head(job: AkidJob, kind: ObjectRole, type_: tuple[str, str] | None = None) -> Manifest:
    api_version, name = type_ or type_of(job, kind)
    metadata: Manifest = {
        "name": object_name(job, kind),
        "namespace": job.metadata.namespace,
        "labels": job_labels(job),
        "ownerReferences": [owner(job)],
    }
    return {"apiVersion": api_version, "kind": name, "metadata": metadata}


def _body(job: AkidJob, kind: ObjectRole) -> Manifest:
    volumes = job.spec.volumes
    if kind is ObjectRole.CONFIG:
        return {"immutable": True, "data": {KID_FILE: kid_text(job)}}
    if kind is ObjectRole.TOKEN:
        return {"immutable": True, "type": "Opaque"}
    if kind is ObjectRole.DATA_CLAIM:
        return _claim(volumes.data)
    if kind is ObjectRole.LOG_CLAIM:
        return _claim(volumes.log)
    return {"spec": _service(job) if kind is ObjectRole.SERVICE else _rendezvous(job)}


def _claim(volume: Volume | None) -> Manifest:
    template = volume.claim_template if volume else None
    return {"spec": template.spec.model_dump(exclude_none=True)} if template else {}


def _service(job: AkidJob) -> Manifest:
    """Names for the pods, also before they are ready: they look for each other while they start."""
    return {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {JOB_LABEL: job.metadata.name},
        "ports": [{"name": "tf", "port": port(job, RoleName.WORKER, "tf")}],
    }


def _rendezvous(job: AkidJob) -> Manifest:
    """An address of the chief that stays when its pod is replaced, whatever a name server remembers."""
    number = port(job, job.spec.engine.chief[0], "rendezvous")
    return {
        "publishNotReadyAddresses": True,
        "selector": chief_label(job),
        "ports": [{"name": "rendezvous", "port": number, "targetPort": number}],
    }
