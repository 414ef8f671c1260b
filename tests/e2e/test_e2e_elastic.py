"""A job whose workers come and go: `kubectl scale` while it trains, and no step lost or made twice."""

from __future__ import annotations

from typing import Any

import pytest
from cluster.waiting import wait_for
from csi.gluster import Gluster
from e2e.times import Times
from e2e.training import PACED, Training, changed
from e2e.volumes import of_job

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
STEPS = 300
NAME, CHIEF = "stretchy", "stretchy-worker-0"


def scale(training: Training, workers: int) -> None:
    """`kubectl scale`, and wait until just so many train together."""
    before = wait_for(lambda: training.supervisor(CHIEF), "the chief answers", 60)
    training.kubectl("scale", f"akidjob/{NAME}", f"--replicas={workers}")
    names = {f"{NAME}-worker-{index}" for index in range(workers)}

    def trains() -> bool:
        now = training.supervisor(CHIEF)
        anew = now.get("generation", 0) > before["generation"] and now["step"] > before["step"]
        return anew and set(training.pods(NAME)) == names and training.row(NAME)["READY"] == f"{workers}/{workers}"

    wait_for(trains, f"{workers} workers train", 240, every=0.2)


def test_workers_leave_and_join_while_it_trains(training: Training, gluster: Gluster, times: Times) -> None:
    def elastic(spec: dict[str, Any]) -> None:
        spec["engine"] = {"name": "multi_worker", "workers": 3, "minWorkers": 2}
        spec["kid"]["params"] = {"steps": STEPS, "seconds": 0.1}
        spec["volumes"] = {"log": of_job(gluster, training.namespace)["log"]}

    training.apply(changed(PACED, NAME, elastic))
    training.trains(NAME)
    wait_for(lambda: training.row(NAME)["READY"] == "3/3", "all three are there", 60, every=0.2)
    first = uids(training)
    with times.of("kubectl scale 3 -> 2: two train"):
        scale(training, 2)
    with times.of("kubectl scale 2 -> 3: three train"):
        scale(training, 3)
    second = uids(training)
    kept = (CHIEF, f"{NAME}-worker-1")
    assert [second[pod] for pod in kept] == [first[pod] for pod in kept]
    assert second.keys() == first.keys()
    status = training.reach(NAME, "Succeeded", timeout=400)
    assert (status["progress"]["step"], status["restarts"]) == (STEPS, 0)
    assert status["progress"]["stepsRedone"] == 0
    assert training.told_steps(CHIEF) == list(range(20, STEPS + 1, 20))
    assert [event["reason"] for event in training.events(NAME)].count("Scaled") == 2


def uids(training: Training) -> dict[str, str]:
    return {pod: manifest["metadata"]["uid"] for pod, manifest in training.pods(NAME).items()}
