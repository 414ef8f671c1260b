"""Containers beside the trainer: what the pod does and what the trainer did are two facts."""

from __future__ import annotations

from typing import Any

import pytest
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job
from scene import CORE, Scene

SHIPPER = {"name": "log-shipper", "image": "shipper:1"}


def statuses(trainer: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The status of a pod of two containers in these states."""
    facts = {"image": "i", "imageID": "", "ready": False, "restartCount": 0}
    states = [{"name": "trainer", "state": trainer}, {"name": "log-shipper", "state": other}]
    return {"phase": "Running", "containerStatuses": [facts | state for state in states]}


DONE = {"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:00:00Z"}}
GOES_ON = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def test_a_pod_whose_side_car_runs_on_is_deleted_when_its_time_is_over() -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", **statuses(DONE, GOES_ON))
    again = scene.run()
    assert scene.job["status"]["state"] == "Succeeded"
    assert f"{CORE}/pods/digits-worker-0" in scene.server.objects
    assert again is not None
    scene.seconds += again
    scene.run()
    assert scene.nodes_let_go() == ["digits-worker-0"]


def test_a_new_leader_finds_the_pod_a_side_car_keeps() -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", **statuses(DONE, GOES_ON))
    scene.run()
    scene.seconds += 60
    scene.new_leader()
    scene.run()
    assert scene.nodes_let_go() == ["digits-worker-0"]


@pytest.mark.cluster
def test_a_job_ends_with_its_trainer_and_its_pod_with_the_job(jobs: Jobs, hosted: Hosted) -> None:
    manifest = job(plays={"start": "never"})
    manifest["spec"]["template"]["spec"]["containers"].append(SHIPPER)
    jobs.create(manifest)
    wait_for(lambda: any(pod["status"].get("startTime") for pod in jobs.pods().values()), "the pod is on a node")
    status = f"/api/v1/namespaces/{jobs.namespace}/pods/digits-worker-0/status"
    jobs.api.patch(status, {"status": statuses(DONE, GOES_ON)})
    jobs.reach("Succeeded")
    wait_for(lambda: jobs.pods() == {}, "the pod is gone", 15)
