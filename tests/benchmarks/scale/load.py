"""The jobs of the load: AkidJobs of four pods, and the same pods as native Indexed Jobs."""

from __future__ import annotations

import json
from typing import Any

AKID = ("/apis/akid.dev/v1alpha1", "akidjobs")
NATIVE = ("/apis/batch/v1", "jobs")
PODS = 4
IMAGE = "example/trainer:1"
KID: dict[str, Any] = {
    "sensor": {"source": {"type": "DigitsSource"}, "batch_size": 64},
    "brain": {"type": "LeNet"},
    "kongfu": {"type": "MomentumKongFu", "lr_scheme": {"name": "exp_decay", "base_lr": 0.05, "decay_rate": 0.9}},
    "max_steps": 2000,
}


def akid_job(name: str, workers: int = PODS, run_for: str = "") -> dict[str, Any]:
    """An AkidJob of so many workers; without `run_for` its pods run for ever."""
    engine: dict[str, Any] = {"name": "multi_worker", "workers": workers} if workers > 1 else {"name": "single"}
    return {
        "apiVersion": "akid.dev/v1alpha1",
        "kind": "AkidJob",
        "metadata": {"name": name},
        "spec": {
            "kid": KID,
            "engine": engine,
            "image": IMAGE,
            "template": {
                "metadata": {"annotations": played(run_for)},
                "spec": {"containers": [{"name": "trainer"}]},
            },
        },
    }


def native_job(name: str, run_for: str = "") -> dict[str, Any]:
    """An Indexed Job of four pods like those the operator makes: environment, volumes, ports."""
    cluster = {"worker": [f"{name}-{index}.{name}:2222" for index in range(PODS)]}
    env = {
        "AKID_JOB_NAME": name,
        "AKID_ENGINE": "multi_worker",
        "AKID_ROLE": "worker",
        "AKID_DATA_PATH": "/akid/data",
        "AKID_LOG_DIR": f"/akid/log/{name}",
        "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}),
    }
    mounts = {"akid-data": "/akid/data", "akid-log": "/akid/log", "akid-shm": "/dev/shm"}
    container = {
        "name": "trainer",
        "image": IMAGE,
        "command": ["python", "-m", "akid", "train"],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "ports": [{"name": "tf", "containerPort": 2222}, {"name": "metrics", "containerPort": 9464}],
        "volumeMounts": [{"name": key, "mountPath": path} for key, path in mounts.items()],
    }
    pod = {
        "containers": [container],
        "restartPolicy": "Never",
        "subdomain": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "volumes": [{"name": key, "emptyDir": {}} for key in mounts],
    }
    template = {"metadata": {"annotations": played(run_for)}, "spec": pod}
    spec = {"completions": PODS, "parallelism": PODS, "completionMode": "Indexed", "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def played(run_for: str) -> dict[str, str]:
    """How long the fake nodes run a pod."""
    return {"sim.akid.dev/run-for": run_for} if run_for else {}
