"""What an owner does with a job that runs: suspends it, deletes it, lets it expire; its directory stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cluster.waiting import wait_for
from e2e.claims import shared_claim
from e2e.training import PACED, Training, changed

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
STEPS = 240
#: Seconds.
TTL = 10


@pytest.fixture
def directory(training: Training) -> Path:
    """Where the jobs' log volume is."""
    return shared_claim(training.cluster, training.namespace)


def two_workers(spec: dict[str, Any]) -> None:
    spec["engine"]["workers"] = 2
    spec["volumes"] = {"log": {"claimName": "shared"}}
    spec["kid"]["params"]["steps"] = STEPS


def results(directory: Path) -> list[dict[str, Any]]:
    """What runs have left, wherever below the volume."""
    return [json.loads(path.read_text()) for path in directory.rglob("result.json")]


def suspend(training: Training, name: str, value: bool) -> None:
    patch = json.dumps({"spec": {"runPolicy": {"suspend": value}}})
    training.kubectl("patch", "akidjob", name, "--type=merge", "--patch", patch)


def test_a_suspended_job_goes_on_where_it_was(training: Training, directory: Path) -> None:
    name = "paused"
    training.apply(changed(PACED, name, two_workers))
    training.trains(name, beyond=40)
    suspend(training, name, True)
    training.reach(name, "Suspended", timeout=90)
    wait_for(lambda: not training.pods(name), "its pods are gone", 90)
    reached = training.status(name)["highestStep"]
    suspend(training, name, False)
    status = training.reach(name, "Succeeded", timeout=240)
    assert status["progress"]["step"] == STEPS
    assert status["restarts"] == 0
    steps = training.told_steps(f"{name}-worker-0")
    assert min(steps) >= reached - 20
    assert steps[-1] == STEPS
    assert [result["step"] for result in results(directory)] == [STEPS]


def left(training: Training, name: str) -> str:
    """What there is of a job, its directory aside."""
    kinds = "pods,services,configmaps,secrets"
    return training.kubectl("get", kinds, f"--selector=akid.dev/job={name}", "-o", "name")


def test_a_job_deleted_while_it_trains_leaves_its_directory_alone(training: Training, directory: Path) -> None:
    name = "dropped"
    training.apply(changed(PACED, name, two_workers))
    training.trains(name, beyond=20)
    training.kubectl("delete", "akidjob", name, "--timeout=60s")

    wait_for(lambda: not left(training, name), "all that was made for it is gone", 120)
    assert list(directory.rglob("checkpoints/*")), "its checkpoints are kept"


def test_a_finished_job_goes_when_its_time_is_over_and_leaves_its_directory(
    training: Training, directory: Path
) -> None:
    def short(spec: dict[str, Any]) -> None:
        two_workers(spec)
        spec["kid"]["params"]["steps"] = 20
        spec["runPolicy"] = {"ttlSecondsAfterFinished": TTL, "cleanPodPolicy": "None"}

    name = "expires"
    training.apply(changed(PACED, name, short))
    wait_for(lambda: left(training, name), "it has begun", 60)
    finished = datetime.fromisoformat(training.reach(name, "Succeeded", timeout=180)["completionTime"])
    wait_for(lambda: not training.kubectl("get", "akidjobs", "-o", "name"), "the job is gone", 60)
    assert (datetime.now(UTC) - finished).total_seconds() >= TTL
    wait_for(lambda: not left(training, name), "all that was made for it is gone", 60)
    assert [result["step"] for result in results(directory)] == [20]
