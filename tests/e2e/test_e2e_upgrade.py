"""The operator is upgraded while a job trains: the training does not notice."""

from __future__ import annotations

from typing import Any

import pytest
from cluster.waiting import wait_for
from e2e.site import Site
from e2e.times import Times
from e2e.training import PACED, Training, changed

pytestmark = [pytest.mark.e2e]
STEPS, NAME = 240, "watched"


def containers(training: Training) -> dict[str, tuple[str, int]]:
    """UID of each pod, and restarts of its container."""
    return {
        name: (pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"])
        for name, pod in training.pods(NAME).items()
    }


def test_an_upgraded_operator_leaves_a_training_alone(site: Site, training: Training, times: Times) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["engine"]["workers"] = 2
        spec["kid"]["params"] = {"steps": STEPS, "seconds": 0.15}

    training.apply(changed(PACED, NAME, change))
    step = training.trains(NAME)
    before, replicas = containers(training), site.replicas()
    with times.of("operator upgraded, and tells of the training again"):
        site.install({"resyncSeconds": 240})
        wait_for(lambda: not replicas & site.replicas(), "every replica is another one", 120, every=0.2)
        wait_for(lambda: site.leader().partition("_")[0] in site.replicas(), "one of them leads", 60, every=0.2)
        training.trains(NAME, beyond=step)
    status = training.reach(NAME, "Succeeded", timeout=400)
    assert status["progress"]["step"] == STEPS
    told = status["restarts"], status["progress"]["inPlaceRestarts"], status["progress"]["stepsRedone"]
    assert told == (0, 0, 0)
    assert containers(training) == before
    assert {restarts for _, restarts in before.values()} == {0}
