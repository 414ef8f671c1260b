"""A pod that has a job's log volume for a moment, so that it can be read when the job's own pods are gone."""

from __future__ import annotations

from typing import Any

from akid.job import AkidJob, Create, ObjectRole, PodDefaults
from akid.job.members import chief_of
from akid.job.objects.pods import place_of, pod
from akid.job.objects.volumes import LOG_PATH, log_dir

#: Seconds after which the cluster ends it, should nobody else.
SECONDS = 600
#: Where it may run, and as whom, is as the job's template says; the rest of the template is not its concern.
KEPT = ("affinity", "imagePullSecrets", "nodeSelector", "runtimeClassName", "securityContext", "tolerations")
RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}


def reader_pod(job: AkidJob, name: str, image: str = "") -> dict[str, Any]:
    """The manifest of such a pod: what the chief's says of where and as whom; no GPUs, labels, side-cars.

    Args:
        job: the job.
        name: of the pod.
        image: used where the job names none.
    """
    create = Create(ObjectRole.MEMBER, 0, chief_of(job))
    assert create.member is not None
    chief = pod(job, create.member, 0, PodDefaults(image), place_of(job))
    spec, trainer = chief["spec"], chief["spec"]["containers"][0]
    mount = next(m for m in trainer["volumeMounts"] if m["mountPath"] in (LOG_PATH, log_dir(job)))
    container = {
        "name": "reader",
        "image": trainer["image"],
        "command": ["python", "-c", f"import time; time.sleep({SECONDS})"],
        "resources": RESOURCES,
        "securityContext": trainer["securityContext"],
        "volumeMounts": [{**mount, "readOnly": True}],
    }
    # No controller: it is none of the job's members, but goes with the job.
    (owner,) = chief["metadata"]["ownerReferences"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "akid-logs"},
            "ownerReferences": [{**owner, "controller": False}],
        },
        "spec": {
            **{field: spec[field] for field in KEPT if field in spec},
            "activeDeadlineSeconds": SECONDS,
            "automountServiceAccountToken": False,
            "containers": [container],
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "volumes": [volume for volume in spec["volumes"] if volume["name"] == mount["name"]],
        },
    }
