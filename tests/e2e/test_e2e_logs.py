"""What a job said can be read when its pods are gone, since it is on the log volume."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from cluster.waiting import wait_for
from csi.gluster import Gluster
from e2e.site import Site
from e2e.times import Times
from e2e.training import PACED, Training, changed
from e2e.volumes import of_job

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
NAME = "spoke"
STARTED = "training process started"


def akid_logs(training: Training, *flags: str) -> str:
    """`akid logs` of the job, as its owner calls it."""
    argv = [sys.executable, "-m", "akid", "logs", NAME, f"--namespace={training.namespace}", *flags]
    environment = training.cluster.environment()
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_logs_outlive_the_pods(site: Site, training: Training, gluster: Gluster, times: Times) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["image"] = site.prepared.images["trainer"]
        spec["engine"]["workers"] = 2
        spec["kid"]["params"] = {"steps": 200, "seconds": 0.1}
        spec["volumes"] = {"log": of_job(gluster, training.namespace)["log"]}
        spec["runPolicy"] = {"cleanPodPolicy": "All"}

    training.apply(changed(PACED, NAME, change))
    training.trains(NAME)
    running = akid_logs(training)
    assert running.index("==> worker-0 <==") < running.index("==> worker-1 <==")
    assert running.count(STARTED) == 2
    of_volume = akid_logs(training, "--member", "worker-1", "--attempt", "0")  # by a pod of the job
    assert STARTED in of_volume
    training.goes_on(NAME, f"{NAME}-worker-0", lambda: training.delete_pod(f"{NAME}-worker-1"))
    for start in ("0", "1"):
        assert STARTED in akid_logs(training, "--member", "worker-1", "--attempt", start)

    training.reach(NAME, "Succeeded", timeout=180)
    wait_for(lambda: not training.pods(NAME), "its pods are gone", 120)
    with times.of("akid logs without the job's pods"):
        kept = akid_logs(training)
    assert kept.count(STARTED) == 4  # each member's, before and after
    chief = akid_logs(training, "--member", "worker-0")
    assert '"kind": "train", "step": 200' in chief
    assert '"kind": "train"' not in akid_logs(training, "--member", "worker-1")

    def readers() -> str:
        return training.kubectl("get", "pods", "-o", "name")

    wait_for(lambda: not readers(), "the pods that read are gone", 60)
