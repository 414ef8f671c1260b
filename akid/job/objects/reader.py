"""The spec of a pod that reads a job's log volume: where the chief may run, as whom, and of its image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from akid.job.api.job import AkidJob
from akid.job.members import chief_of
from akid.job.objects.pods import PodDefaults, place_of, pod
from akid.job.objects.volumes import LOG_PATH, log_dir

Manifest = dict[str, Any]
# Where it may run, and as whom, is as the job's template says; the rest of the template is not its concern.
KEPT = ("affinity", "imagePullSecrets", "nodeSelector", "runtimeClassName", "securityContext", "tolerations")


def reader_spec(job: AkidJob, settings: PodDefaults, container: Mapping[str, Any]) -> Manifest:
    """The spec of such a pod; no GPUs, labels, side-cars.

    Args:
        job: the job.
        settings: what the operator is set up with.
        container: its container, without the mount of the log volume (read-only, where the trainer has it).
            Its image and its security context are the trainer's, but for what it says of them itself.
    """
    chief = pod(job, chief_of(job), 0, settings, place_of(job))["spec"]
    trainer = chief["containers"][0]
    mount = next(m for m in trainer["volumeMounts"] if m["mountPath"] in (LOG_PATH, log_dir(job)))
    taken = {name: trainer[name] for name in ("image", "imagePullPolicy") if name in trainer}
    added = {
        "securityContext": {**trainer["securityContext"], **container.get("securityContext", {})},
        "volumeMounts": [*container.get("volumeMounts", ()), {**mount, "readOnly": True}],
    }
    return {
        **{field: chief[field] for field in KEPT if field in chief},
        "automountServiceAccountToken": False,
        "containers": [{**taken, **container, **added}],
        "enableServiceLinks": False,
        "volumes": [volume for volume in chief["volumes"] if volume["name"] == mount["name"]],
    }
