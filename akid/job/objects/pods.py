"""A member as a Pod: the user's template with what the job adds to it. What the template says wins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from akid.job.api.engine import RoleName
from akid.job.api.job import GROUP, AkidJob
from akid.job.api.template import TRAINER, is_supervised, runs_akid, trainer_of
from akid.job.gang import gang_of, queue_marks
from akid.job.members import Member
from akid.job.names import (
    ATTEMPT_LABEL,
    JOB_LABEL,
    PORTS,
    TEMPLATE_ANNOTATION,
    TRAINER_ANNOTATION,
    ObjectRole,
    job_labels,
    member_labels,
    member_name,
    object_name,
)
from akid.job.objects.tf_config import Place, addresses, command, environment
from akid.job.objects.volumes import DATA_PATH, KID_DIR, KID_FILE, TOKEN_DIR, TOKEN_FILE, log_dir, pod_volumes
from akid.job.rendezvous import has_rendezvous

Manifest = dict[str, Any]
GPU = "nvidia.com/gpu"
# Time to write a checkpoint after SIGTERM.
GRACE_SECONDS = 60
# The user and group of akid's images; the group may write to the volumes.
GROUP_ID = 10001
POD_SECURITY: Manifest = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "fsGroup": GROUP_ID,
    "fsGroupChangePolicy": "OnRootMismatch",
}
CONTAINER_SECURITY: Manifest = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@dataclass(frozen=True)
class PodDefaults:
    """What the one who runs the jobs decides.

    Args:
        image: the trainer's image of jobs that name none; empty for none.
        env: environment of every trainer, e.g. of a proxy.
        image_pull_secrets: names of Secrets of the job's namespace.
        allowed_volumes: kinds of volumes that pods may have, e.g. `configMap`; empty for all.
        status_peers: each job is shut off by a NetworkPolicy, and these NetworkPolicyPeers may read its status;
            None for no policies.
    """

    image: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])
    image_pull_secrets: tuple[str, ...] = ()
    allowed_volumes: frozenset[str] = frozenset()
    status_peers: tuple[Manifest, ...] | None = None


def pod(job: AkidJob, member: Member, attempt: int, settings: PodDefaults, place: Place) -> Manifest:
    """The Pod of a member."""
    template = job.spec.template_of(member.role).to_json()
    spec: Manifest = template.get("spec", {})
    kept = trainer_of(spec)
    security = {**POD_SECURITY, **spec.get("securityContext", {})}
    volumes, mounts = pod_volumes(job, token=bool(place.token_file), security=security)
    trainer = {
        **_container(job, member, settings, kept),
        "env": _merged(kept.get("env", []), _env(job, _values(job, member, attempt, place), settings, kept)),
        "volumeMounts": _merged(kept.get("volumeMounts", []), mounts, key="mountPath"),
    }
    others = [container for container in spec.get("containers", []) if container is not kept]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(job, member, attempt, template.get("metadata", {}), str(trainer["name"])),
        "spec": {
            **_defaults(job, settings),
            **({"dnsPolicy": "ClusterFirstWithHostNet"} if spec.get("hostNetwork") is True else {}),
            **spec,
            "containers": [trainer, *others],
            "volumes": _merged(spec.get("volumes", []), volumes),
            "securityContext": security,
            "restartPolicy": "Never",
            "hostname": member.name(job),
            "subdomain": object_name(job, ObjectRole.SERVICE),
            **_spread(job, spec),
        },
    }


def port(job: AkidJob, role: RoleName, name: str) -> int:
    """The number of a role's port: the one the template's container gives to the name, else akid's."""
    return port_of(trainer_of(job.spec.template_of(role).to_json().get("spec", {})), name)


def port_of(container: Manifest, name: str) -> int:
    """The number a container gives to the name of a port, else akid's."""
    ports: list[Manifest] = container.get("ports", [])
    given = [entry.get("containerPort") for entry in ports if entry.get("name") == name]
    return given[0] if given and isinstance(given[0], int) else PORTS[name]


def owner(job: AkidJob) -> Manifest:
    """The ownerReference that makes an object the job's."""
    return {
        "apiVersion": job.api_version,
        "kind": job.kind,
        "name": job.metadata.name,
        "uid": job.metadata.uid,
        "controller": True,
    }


def place_of(job: AkidJob) -> Place:
    """Where members run in a cluster. Names without the namespace resolve at the first search domain."""
    service = object_name(job, ObjectRole.SERVICE)
    ports = {role: port(job, role, "tf") for role in RoleName}
    meets = has_rendezvous(job)
    chief = job.spec.engine.chief[0]
    return Place(
        cluster=addresses(job, lambda member: f"{member.name(job)}.{service}:{ports[member.role]}"),
        kid_file=f"{KID_DIR}/{KID_FILE}" if job.spec.kid else "",
        data_path=DATA_PATH,
        log_dir=log_dir(job),
        rendezvous=f"{object_name(job, ObjectRole.RENDEZVOUS)}:{port(job, chief, 'rendezvous')}" if meets else "",
        token_file=f"{TOKEN_DIR}/{TOKEN_FILE}" if meets else "",
    )


def _container(job: AkidJob, member: Member, settings: PodDefaults, kept: Manifest) -> Manifest:
    container: Manifest = {
        "name": TRAINER,
        "image": job.spec.image or settings.image,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **({"command": command()} if runs_akid(kept) else {}),
        **kept,
        "ports": _merged_ports(kept.get("ports", []), _ports(job, member, kept)),
        "securityContext": {**CONTAINER_SECURITY, **kept.get("securityContext", {})},
    }
    if job.spec.engine.gpus and member.role is not RoleName.PS:
        resources: Manifest = kept.get("resources", {})
        limits = {GPU: job.spec.engine.gpus, **resources.get("limits", {})}
        container["resources"] = {**resources, "limits": limits}
    return container


def _values(job: AkidJob, member: Member, attempt: int, place: Place) -> dict[str, str]:
    """The member's environment; on a cluster the run directory is the job's, and may be an earlier one's."""
    log = job.spec.volumes.log
    resumed = {"AKID_RESUME_FROM": log.resume_from} if log and log.resume_from else {}
    return environment(job, member, attempt, place) | resumed


def _env(job: AkidJob, values: dict[str, str], settings: PodDefaults, kept: Manifest) -> list[Manifest]:
    address = {"name": "AKID_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    values = {**settings.env, **values}
    if not _serves_metrics(job, kept):
        return [{"name": name, "value": value} for name, value in values.items()]
    values["AKID_METRICS_PORT"] = str(port_of(kept, "metrics"))
    return [address, *({"name": name, "value": value} for name, value in values.items())]


def _serves_metrics(job: AkidJob, kept: Manifest) -> bool:
    """Whether a member may tell how it is: not where neither a kid nor akid's trainer is there."""
    return job.spec.kid is not None or is_supervised(kept)


def _ports(job: AkidJob, member: Member, kept: Manifest) -> list[Manifest]:
    """The ports a member listens on."""
    is_chief = (member.role, member.index) == job.spec.engine.chief
    names = ["metrics"] if _serves_metrics(job, kept) else []
    names += ["tf"] if job.spec.engine.distributed else []
    names += ["rendezvous"] if is_chief and has_rendezvous(job) else []
    return [{"name": name, "containerPort": port_of(kept, name)} for name in names]


def _defaults(job: AkidJob, settings: PodDefaults) -> Manifest:
    """What a template may overrule."""
    scheduling, gang = job.spec.scheduling, gang_of(job)
    values: Manifest = {
        "schedulerName": scheduling.scheduler_name or (gang.scheduler if gang else ""),
        "priorityClassName": scheduling.priority_class_name,
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
    }
    return {
        "automountServiceAccountToken": False,
        # The rendezvous' address is in the environment then: no name server is needed to find it.
        "enableServiceLinks": has_rendezvous(job),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        **{name: value for name, value in values.items() if value},
        **(gang.pod_fields(job) if gang else {}),
    }


def _merged(own: list[Manifest], added: list[Manifest], key: str = "name") -> list[Manifest]:
    """What is added comes first, so that the user's own may refer to it; what the user has is left."""
    taken = {entry.get(key) for entry in own}
    return [entry for entry in added if entry[key] not in taken] + own


def _merged_ports(own: list[Manifest], added: list[Manifest]) -> list[Manifest]:
    """The same for ports: the server takes no number twice, not under another name either."""
    numbers = {entry.get("containerPort") for entry in own if entry.get("protocol", "TCP") == "TCP"}
    return _merged(own, [entry for entry in added if entry["containerPort"] not in numbers])


def _metadata(job: AkidJob, member: Member, attempt: int, given: Manifest, trainer: str) -> Manifest:
    gang = gang_of(job)
    queue_labels, queue_annotations = queue_marks(job)
    own = {**member_labels(job, member.role, member.index), ATTEMPT_LABEL: str(attempt)}
    # Labels of akid's own domain select pods: what they say is not the template's to say.
    others = {name: value for name, value in given.get("labels", {}).items() if not name.startswith(f"{GROUP}/")}
    labels = {**others, **queue_labels, **(gang.labels(job) if gang else {}), **own}
    annotations = {
        **given.get("annotations", {}),
        **queue_annotations,
        **(gang.annotations(job) if gang else {}),
        TRAINER_ANNOTATION: trainer,
        TEMPLATE_ANNOTATION: job.spec.template_hash,
    }
    return {
        "name": member_name(job, member.role, member.index),
        "namespace": job.metadata.namespace,
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": [owner(job)],
    }


def _spread(job: AkidJob, spec: Manifest) -> Manifest:
    selector = {"matchLabels": {JOB_LABEL: job_labels(job)[JOB_LABEL]}}
    spread: list[Manifest] = [
        {**entry.model_dump(exclude_none=True), "labelSelector": selector}
        for entry in job.spec.scheduling.topology_spread
    ]
    own: list[Manifest] = spec.get("topologySpreadConstraints", [])
    taken = [_domain(entry) for entry in own]
    every = [*(entry for entry in spread if _domain(entry) not in taken), *own]
    return {"topologySpreadConstraints": every} if every else {}


def _domain(constraint: Manifest) -> tuple[object, object]:
    """What no two constraints of a pod may share."""
    return constraint.get("topologyKey"), constraint.get("whenUnsatisfiable")
