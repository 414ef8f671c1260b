"""The TensorBoard of one job against a server in memory: what it costs, and what it must not cost."""

from __future__ import annotations

from typing import Any

import pytest
from akid_operator.kube.api import Answer
from scene import CORE, JOB, KEY, Scene

from akid.job import PodDefaults

ON: dict[str, Any] = {"volumes": {"log": {"claimName": "logs"}}, "tensorboard": {}}
BOARD = "/apis/apps/v1/namespaces/lab/deployments/digits-tensorboard"
SERVICE = f"{CORE}/services/digits-tensorboard"
READY = {"readyReplicas": 1}
QUOTA = Answer(403, None, {"reason": "Forbidden", "message": "exceeded quota: no more services"})


def beginning(**spec: Any) -> Scene:
    """A job whose member runs."""
    scene = Scene(**ON | spec)
    scene.run()
    scene.pod("digits-worker-0", phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    return scene


def board(scene: Scene, **status: Any) -> None:
    """Its Deployment is as it is, of which no watch tells."""
    scene.server.put(BOARD, scene.server.objects[BOARD] | {"status": status})


def trained(**spec: Any) -> Scene:
    """A job whose TensorBoard is ready, and told to be."""
    scene = beginning(**spec)
    scene.run()
    board(scene, **READY)
    for _ in range(3):
        scene.seconds += 1
        scene.run()
    assert told(scene)["ready"]
    return scene


def ended(**spec: Any) -> Scene:
    """The same job once it has succeeded."""
    scene = trained(**spec)
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    scene.run()
    assert scene.job["status"]["state"] == "Succeeded"
    return scene


def told(scene: Scene) -> dict[str, Any]:
    return scene.job["status"].get("tensorboard", {})


def edit(scene: Scene, asked: dict[str, Any] | None) -> None:
    """A user asks for another one, or for none."""
    spec = {name: value for name, value in scene.job["spec"].items() if name != "tensorboard"}
    generation = {"generation": scene.job["metadata"]["generation"] + 1}
    changed = {"metadata": scene.job["metadata"] | generation}
    scene.server.put(JOB, scene.job | changed | {"spec": spec | ({"tensorboard": asked} if asked else {})})
    scene.store.job_seen(scene.job)


def test_it_comes_after_the_pods_and_costs_three_writes() -> None:
    scene = Scene(**ON)
    scene.run()
    assert BOARD not in scene.server.objects
    scene.pod("digits-worker-0", phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    assert scene.run() == 1.0
    assert scene.server.log[:2] == ["PUT akidjobs/status", "status: Running"]
    assert sorted(scene.server.log[2:]) == ["POST deployments", "POST services"]
    assert told(scene) == {"service": "digits-tensorboard", "url": "http://digits-tensorboard.lab.svc:6006"}
    board(scene, **READY)
    scene.seconds += 1
    scene.run()
    scene.seconds += 1
    scene.run()
    assert scene.server.log == ["PUT akidjobs/status", "status: Running"]
    assert told(scene)["ready"] is True


def test_it_is_asked_for_less_and_less_often_until_it_is_ready() -> None:
    scene = beginning()
    scene.run()
    waits: list[float] = []
    for _ in range(8):
        scene.seconds += waits[-1] if waits else 1
        waits.append(scene.run() or 0)
        assert scene.server.reads == ["GET deployments"]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    board(scene, **READY)
    scene.seconds += 60
    scene.run()
    scene.seconds += 10
    scene.run()
    assert scene.server.reads == []


def test_one_that_somebody_deleted_is_made_again() -> None:
    scene = trained()
    del scene.server.objects[BOARD]
    scene.seconds += 301
    scene.run()
    assert "POST deployments" in scene.server.log
    assert "POST services" not in scene.server.log


def test_what_the_server_refuses_holds_up_no_pod() -> None:
    scene = beginning()
    scene.server.refuse["POST", "services"] = [QUOTA] * 4
    for _ in range(3):
        scene.run()
        scene.seconds += 1
    assert "exceeded quota" in told(scene)["message"]
    assert scene.job["status"]["state"] == "Running"
    lost = f"{CORE}/pods/digits-worker-0"
    scene.store.pod_left(scene.server.objects.pop(lost))
    scene.run()
    scene.run()
    assert lost in scene.server.objects
    for _ in range(8):
        scene.seconds += 10
        scene.run()
    assert {SERVICE, BOARD} <= set(scene.server.objects)
    assert "message" not in told(scene)


def test_it_never_runs_without_its_network_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scene, "defaults", PodDefaults(status_peers=()))
    scene = beginning()
    scene.server.refuse["POST", "networkpolicies"] = [QUOTA] * 2
    for _ in range(2):
        scene.run()
        assert BOARD not in scene.server.objects
        scene.seconds += 1
    for _ in range(8):
        scene.seconds += 10
        scene.run()
    policies = [path for path in scene.server.objects if "/networkpolicies/" in path]
    assert len(policies) == 2, "the job's and the TensorBoard's"
    assert BOARD in scene.server.objects
    assert "message" not in told(scene)


def test_another_image_is_another_deployment() -> None:
    scene = trained()
    before = scene.server.objects[BOARD]["metadata"]["uid"]
    edit(scene, {"image": "boards:2"})
    scene.run()
    container = scene.server.objects[BOARD]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "boards:2"
    assert scene.server.objects[BOARD]["metadata"]["uid"] != before
    assert "DELETE services" not in scene.server.log


def test_it_goes_when_it_is_not_asked_for_any_more() -> None:
    scene = trained()
    edit(scene, None)
    scene.run()
    scene.seconds += 2
    scene.run()
    assert not {SERVICE, BOARD} & set(scene.server.objects)
    assert told(scene) == {}
    assert f"{CORE}/pods/digits-worker-0" in scene.server.objects


# -- after the end


def test_a_finished_job_is_forgotten_and_keeps_it() -> None:
    scene = ended()
    assert list(scene.store) == []
    assert {SERVICE, BOARD} <= set(scene.server.objects)
    assert told(scene)["ready"]


def test_of_a_job_that_ends_at_once_it_is_still_told_that_it_is_ready() -> None:
    scene = beginning()
    scene.run()
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    assert scene.run() == 1.0
    board(scene, **READY)
    scene.seconds += 1
    scene.run()
    assert told(scene)["ready"]
    assert list(scene.store) == []


def test_of_a_finished_job_it_is_not_waited_for_for_ever() -> None:
    scene = beginning()
    scene.run()
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    for _ in range(20):
        scene.seconds += scene.run() or 0
    assert list(scene.store) == []
    assert 300 < scene.seconds < 900


@pytest.mark.parametrize("leader", ["the same", "another"])
def test_it_is_taken_away_when_its_time_has_come(leader: str) -> None:
    scene = ended(tensorboard={"ttlSecondsAfterFinished": 60})
    if leader == "another":
        scene.lead()
        scene.store.forget(KEY)
        scene.store.expect(KEY)
    scene.seconds += 61
    for _ in range(3):
        scene.run()
    assert not {SERVICE, BOARD} & set(scene.server.objects)
    assert told(scene) == {}
    assert list(scene.store) == []
    assert JOB in scene.server.objects


def test_a_new_leader_presumes_it_and_asks_for_its_deployment_only() -> None:
    scene = trained()
    scene.new_leader()
    scene.run()
    assert scene.server.log == []
    assert scene.server.reads == ["GET deployments"]


@pytest.mark.parametrize("lost", [[BOARD], [SERVICE], [BOARD, SERVICE]], ids=["deployment", "service", "both"])
def test_a_new_leader_makes_what_was_lost_between_leaders(lost: list[str]) -> None:
    scene = trained()
    for path in lost:
        del scene.server.objects[path]
    scene.new_leader()
    for _ in range(3):
        scene.seconds += 31
        scene.run()
    assert {SERVICE, BOARD} <= set(scene.server.objects)
