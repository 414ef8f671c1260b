"""Three workers with a GPU each, on two nodes: lost one by one, and done with the exact number of steps."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cluster.waiting import wait_for
from csi.gluster import Gluster
from e2e.real import GPU
from e2e.times import Times
from e2e.training import PACED, RECORDS, Training, changed
from e2e.volumes import of_job, opened, with_digits

pytestmark = [pytest.mark.e2e, pytest.mark.smoke, pytest.mark.sandbox]
STEPS = 300
NAME, CHIEF, MIDDLE, LAST = "workers", "workers-worker-0", "workers-worker-1", "workers-worker-2"


def job(gluster: Gluster, namespace: str) -> str:
    """It reads shards of TFRecords on GlusterFS, and writes there."""

    def change(spec: dict[str, Any]) -> None:
        spec["engine"]["gpusPerWorker"] = 1
        spec["kid"]["params"]["steps"] = STEPS
        spec["volumes"] = of_job(gluster, namespace)

    return changed(RECORDS, NAME, change)


def test_three_workers_survive_a_killed_process_and_a_deleted_pod(
    training: Training, gluster: Gluster, times: Times
) -> None:
    with_digits(gluster)
    begun = time.monotonic()
    training.apply(job(gluster, training.namespace))
    training.trains(NAME)
    times.note("3 workers: apply -> first step", time.monotonic() - begun)
    pods = training.pods(NAME)
    assert {pod["spec"]["nodeName"] for pod in pods.values()} == {"node-a", "node-b"}
    assert [pod["spec"]["containers"][0]["resources"]["limits"] for pod in pods.values()] == [{GPU: "1"}] * 3

    seconds = training.goes_on(NAME, CHIEF, lambda: training.kill_training(MIDDLE))
    times.note("training process killed -> all training again", seconds, 1)
    uid = training.pod_uid(LAST)
    seconds = training.goes_on(NAME, CHIEF, lambda: training.delete_pod(LAST))
    times.note("worker's pod deleted -> all training again", seconds, 4)
    assert training.pod_uid(LAST) not in ("", uid)

    status = training.reach(NAME, "Succeeded", timeout=300)
    assert (status["progress"]["step"], status["restarts"]) == (STEPS, 0)
    assert training.told_steps(CHIEF)[-1] == STEPS
    with opened(gluster) as root:
        results = [json.loads(path.read_text()) for path in (root / training.namespace).rglob("result.json")]
        assert [result["step"] for result in results] == [STEPS]


def test_one_gpu_too_many_is_told_in_the_schedulers_words(training: Training, times: Times) -> None:
    def too_many(spec: dict[str, Any]) -> None:
        spec["engine"] = {"name": "single", "gpusPerWorker": 3}

    begun = time.monotonic()
    training.apply(changed(PACED, "greedy", too_many))

    words = f"Insufficient {GPU}"
    wait_for(lambda: words in training.row("greedy").get("REASON", ""), "kubectl get says why it waits", 30)
    times.note("one GPU too many: apply -> told by kubectl get", time.monotonic() - begun, 5)
    condition = training.condition("greedy", "Queued")
    assert words in condition["message"]
    assert any(words in event["message"] for event in training.events("greedy"))
    training.kubectl("delete", "akidjob", "greedy", "--timeout=60s")
    wait_for(lambda: not training.pods("greedy"), "its pod is gone", 60)
