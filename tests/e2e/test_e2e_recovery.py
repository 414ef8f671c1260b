"""Members that are lost while others train on: how soon all train again, and how much of the time was not lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from cluster.waiting import wait_for
from csi.gluster import Gluster
from e2e.real import RealCluster
from e2e.times import Times
from e2e.training import PACED, RECORDS, Training, changed
from e2e.volumes import of_job, saved, with_digits

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
#: Seconds between two kills; how many.
EVERY, KILLS = 15, 12
GOODPUT, ACCURACY = 0.85, 0.95


def two_workers(seconds: float, pace: float = 0.05) -> Any:
    """A change of a job: it trains for so long at least, with two workers."""

    def change(spec: dict[str, Any]) -> None:
        spec["engine"]["workers"] = 2
        spec["kid"]["params"] = {"steps": int(seconds / pace) // 20 * 20, "seconds": pace}

    return change


def succeeds(training: Training, name: str) -> dict[str, Any]:
    """It makes exactly the steps that were asked for, and no restart is counted; its status."""
    steps = training.get(name)["spec"]["kid"]["params"]["steps"]
    status = training.reach(name, "Succeeded", timeout=300)
    assert (status["progress"]["step"], status["restarts"]) == (steps, 0)
    return status


def test_the_chiefs_pod_is_deleted(training: Training, gluster: Gluster, times: Times) -> None:
    name, chief = "beheaded", "beheaded-worker-0"
    with_digits(gluster)

    def change(spec: dict[str, Any]) -> None:
        two_workers(20)(spec)
        spec["volumes"] = of_job(gluster, training.namespace)

    training.apply(changed(RECORDS, name, change))
    training.trains(name, beyond=20)
    uid = training.pod_uid(chief)
    seconds = training.goes_on(name, chief, lambda: training.delete_pod(chief))
    times.note("chief's pod deleted -> all training again", seconds, 5)
    assert training.pod_uid(chief) not in ("", uid)
    assert succeeds(training, name)["progress"]["stepsRedone"] == 0  # all had saved before it ended


def test_a_container_is_killed(nodes: RealCluster, training: Training, gluster: Gluster, times: Times) -> None:
    name, chief, other = "struck", "struck-worker-0", "struck-worker-1"

    def change(spec: dict[str, Any]) -> None:
        two_workers(20)(spec)
        spec["volumes"] = {"log": of_job(gluster, training.namespace)["log"]}

    training.apply(changed(PACED, name, change))
    training.trains(name, beyond=110)
    chiefs = training.pod_uid(chief)

    def kill() -> float:
        pod, now = training.pods(name)[other], time.time()
        container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
        nodes.node(pod["spec"]["nodeName"]).ctr("tasks", "kill", "--signal=SIGKILL", container)
        return now

    times.note("worker's container killed -> all training again", training.goes_on(name, chief, kill))
    status = training.reach(name, "Succeeded", timeout=300)
    assert (status["progress"]["step"], status["restarts"]) == (400, 1)
    assert (status["lastFailure"]["pod"], status["lastFailure"]["exitCode"]) == (other, 137)
    assert status["progress"]["stepsRedone"] < 20  # from the chief's memory, not from the checkpoint
    assert training.pod_uid(chief) == chiefs
    assert saved(gluster, training.namespace) == [200, 300, 400]  # as many are kept


def test_members_find_each_other_without_a_name_server(
    nodes: RealCluster, training: Training, times: Times
) -> None:
    name, chief, other = "nameless", "nameless-worker-0", "nameless-worker-1"
    training.apply(changed(PACED, name, two_workers(20)))
    training.trains(name, beyond=20)
    names = nodes.processes["coredns"]
    names.stop()
    try:
        seconds = training.goes_on(name, chief, lambda: training.kill_training(other))
        times.note("no DNS, training process killed -> all training again", seconds, 1)
        seconds = training.goes_on(name, chief, lambda: training.delete_pod(other))
        times.note("no DNS, worker's pod deleted -> all training again", seconds, 4)
        status = succeeds(training, name)
    finally:
        names.start()
    assert status["progress"]["inPlaceRestarts"] > 0


def test_a_member_is_killed_again_and_again(training: Training, times: Times) -> None:
    name, chief, other = "battered", "battered-worker-0", "battered-worker-1"
    training.apply(changed(PACED, name, two_workers(EVERY * (KILLS + 1), pace=0.25)))
    training.trains(name)
    begun, generation = time.monotonic(), 0
    for number in range(1, KILLS + 1):
        wait_for(lambda due=begun + EVERY * number: time.monotonic() > due, "the next kill", EVERY + 10)
        generation = training.makes_steps(name, chief, generation)
        training.kill_training(other)
    progress = succeeds(training, name)["progress"]
    assert progress["generation"] > KILLS
    times.note(f"goodput {progress['goodput']:.2f} (at least {GOODPUT:g}), killed every", EVERY)
    assert progress["goodput"] >= GOODPUT
    assert progress["metrics"]["val_accuracy"] >= ACCURACY
