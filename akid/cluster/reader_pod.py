"""A pod that has a job's log volume for a moment, so that it can be read when the job's own pods are gone."""

from __future__ import annotations

from typing import Any

from akid.job import AkidJob, PodDefaults
from akid.job.objects.pods import owner
from akid.job.objects.reader import reader_spec

#: Seconds after which the cluster ends it, should nobody else.
SECONDS = 600
RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}


def reader_pod(job: AkidJob, name: str, defaults: PodDefaults) -> dict[str, Any]:
    """The manifest of such a pod.

    Args:
        job: the job.
        name: of the pod.
        defaults: used where the job names no image, no Secrets to pull it with.
    """
    container = {
        "name": "reader",
        "command": ["python", "-c", f"import time; time.sleep({SECONDS})"],
        "resources": RESOURCES,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "akid-logs"},
            # No controller: it is none of the job's members, but goes with the job.
            "ownerReferences": [{**owner(job), "controller": False}],
        },
        "spec": {
            **reader_spec(job, defaults, container),
            "activeDeadlineSeconds": SECONDS,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
        },
    }
