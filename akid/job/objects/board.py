"""A job's TensorBoard: a Deployment, which a cluster keeps up also when the operator is done with the job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from akid.job.api.job import AkidJob
from akid.job.api.tensorboard import TensorBoard
from akid.job.board import PORT, BoardState
from akid.job.names import BOARD_LABEL, MANAGER, ObjectRole, chief_label
from akid.job.objects.pods import CONTAINER_SECURITY, PodDefaults
from akid.job.objects.reader import reader_spec
from akid.job.objects.volumes import log_dir

Manifest = dict[str, Any]
NAME = "tensorboard"
RESOURCES: Manifest = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
MAX_MESSAGE = 1024


def board_spec(job: AkidJob, kind: ObjectRole, settings: PodDefaults) -> Manifest:
    """The spec of one of its objects."""
    if kind is ObjectRole.BOARD:
        return _deployment(job, settings)
    labels = _labels(job)
    if kind is ObjectRole.BOARD_SERVICE:
        return {"selector": labels, "ports": [{"name": NAME, "port": PORT, "targetPort": NAME}]}
    # It asks nobody who he is. Who may run pods in the namespace could read the volume as well; everybody else has
    # to come through the API server (`kubectl port-forward`).
    everybody_here: Manifest = {"podSelector": {}}
    ingress: Manifest = {"from": [everybody_here], "ports": [{"protocol": "TCP", "port": NAME}]}
    return {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": [ingress]}


def board_state(deployment: Mapping[str, Any]) -> BoardState:
    """What the Deployment says of it."""
    status: Manifest = deployment.get("status") or {}
    if status.get("readyReplicas"):
        return BoardState(ready=True)
    conditions: list[Manifest] = status.get("conditions") or []
    told = {(c.get("type"), c.get("status")): str(c.get("message", "")) for c in conditions}
    failure = told.get(("ReplicaFailure", "True")) or told.get(("Progressing", "False")) or ""
    return BoardState(message=failure[:MAX_MESSAGE])


def _labels(job: AkidJob) -> dict[str, str]:
    """Of its pod. Not the job's own: that would make it a member, with a name in the job's Service."""
    return {BOARD_LABEL: job.metadata.name}


def _deployment(job: AkidJob, settings: PodDefaults) -> Manifest:
    labels = _labels(job)
    spec = reader_spec(job, settings, _container(job, job.spec.tensorboard or TensorBoard()))
    log = job.spec.volumes.log
    gluster = log is not None and log.glusterfs is not None
    for volume in spec["volumes"] if gluster else ():
        volume["csi"] = {**volume["csi"], "readOnly": True}
    return {
        "replicas": 1,
        "revisionHistoryLimit": 0,
        # Two at once would do no harm, but a volume may be for one node.
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/managed-by": MANAGER, **labels}},
            "spec": {
                **({} if gluster else {"affinity": _beside_the_chief(job)}),
                **spec,
                "terminationGracePeriodSeconds": 5,
                "volumes": [*spec["volumes"], {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}],
            },
        },
    }


def _container(job: AkidJob, board: TensorBoard) -> Manifest:
    # A program of the image's own writes its events where it likes.
    logs = f"{log_dir(job)}/events" if job.spec.kid else log_dir(job)
    resources = board.resources.model_dump(exclude_none=True) if board.resources else RESOURCES
    title = f"{job.metadata.namespace}/{job.metadata.name}"
    return {
        "name": NAME,
        **({"image": board.image, "imagePullPolicy": "IfNotPresent"} if board.image else {}),
        "command": [NAME, f"--logdir={logs}", f"--port={PORT}", "--bind_all", f"--window_title={title}"],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "ports": [{"name": NAME, "containerPort": PORT}],
        # A small answer, which it gives as soon as it listens.
        "readinessProbe": {
            "httpGet": {"path": "/data/environment", "port": NAME},
            "periodSeconds": 3,
            "timeoutSeconds": 3,
        },
        "resources": resources,
        "securityContext": {**CONTAINER_SECURITY, "readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }


def _beside_the_chief(job: AkidJob) -> Manifest:
    """On the chief's node if there is room: the volume may be one node's."""
    term = {"labelSelector": {"matchLabels": chief_label(job)}, "topologyKey": "kubernetes.io/hostname"}
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
