"""What changes while a job is suspended: its next pods, and what serves them, are all of the new template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from akid_operator.work.apply import WaitError
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job
from scene import CORE, JOB, KEY, TWO, Scene

SERVICE = f"{CORE}/services/digits-rendezvous"


def template(port: int) -> dict[str, Any]:
    """A template whose rendezvous is at another port."""
    ports = [{"name": "rendezvous", "containerPort": port}]
    return {"spec": {"containers": [{"name": "trainer", "ports": ports}]}}


def edited(scene: Scene, *, suspend: bool = False, **spec: Any) -> None:
    """Somebody has changed the job."""
    policy = {"runPolicy": {"suspend": suspend}}
    scene.store.job_seen(scene.server.put(JOB, scene.job | {"spec": {**scene.job["spec"], **policy, **spec}}))


def started(scene: Scene) -> None:
    scene.run()
    for name in ("digits-worker-0", "digits-worker-1"):
        scene.pod(name, phase="Running")
    scene.run()


def suspended(scene: Scene) -> None:
    """It has no pods any more, and the watch told so."""
    edited(scene, suspend=True)
    scene.run()
    for name, pod in list(scene.store.record(KEY).pods.items()):
        scene.store.record(KEY).pod_gone(name, pod.state.uid)


def port(scene: Scene) -> int:
    return scene.server.objects[SERVICE]["spec"]["ports"][0]["port"]


def told(scene: Scene) -> set[str]:
    """The ports at which the pods look for the rendezvous."""
    pods = [item for path, item in scene.server.objects.items() if "/pods/" in path]
    environment = [entry for pod in pods for entry in pod["spec"]["containers"][0]["env"]]
    return {entry["value"].partition(":")[2] for entry in environment if entry["name"] == "AKID_RENDEZVOUS"}


@pytest.mark.parametrize("pause", [1, 60], ids=["at once", "later"])
def test_a_port_changed_while_suspended_is_the_services_too(pause: float) -> None:
    scene = Scene(engine=TWO)
    started(scene)
    suspended(scene)
    scene.seconds += pause
    edited(scene, template=template(4000))
    scene.run()
    assert (port(scene), told(scene)) == (4000, {"4000"})


def test_a_job_suspended_changed_and_resumed_while_nobody_looked_begins_anew() -> None:
    scene = Scene(engine=TWO)
    started(scene)
    edited(scene, template=template(4000), image="other:1")
    for _ in range(3):
        scene.run()
    pods = [item for path, item in scene.server.objects.items() if "/pods/" in path]
    assert [pod["spec"]["containers"][0]["image"] for pod in pods] == ["other:1", "other:1"]
    assert {pod["metadata"]["labels"]["akid.dev/attempt"] for pod in pods} == {"1"}
    assert (port(scene), told(scene)) == (4000, {"4000"})
    assert scene.told.count("Restarting") == 1
    assert not scene.job["status"]["restarts"]


def test_a_service_that_another_version_made_serves_the_pods_that_run() -> None:
    scene = Scene(engine=TWO)
    started(scene)
    scene.server.objects[SERVICE]["metadata"].pop("annotations")
    scene.new_leader()
    scene.pod("digits-worker-1", left=True, **scene.ended(137))
    scene.run()
    scene.run()
    assert {"POST services", "DELETE services"}.isdisjoint(scene.server.log)


def test_an_outdated_service_nobody_knew_of_is_made_anew() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    suspended(scene)
    scene.store.record(KEY).objects.uids.clear()
    edited(scene, template=template(4000))
    with pytest.raises(WaitError, match="of another template is in the way"):
        scene.run()
    scene.run()
    assert (port(scene), told(scene)) == (4000, {"4000"})


@pytest.mark.cluster
def test_what_changed_while_no_operator_looked_is_taken_up(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host():
        jobs.create(job(engine=TWO))
        jobs.reach("Running")
    jobs.patch({"runPolicy": {"suspend": True}})
    jobs.patch({"template": template(4000), "image": "other:1"})
    jobs.patch({"runPolicy": {"suspend": False}})
    with host():
        wait_for(lambda: jobs.status().get("attempt") == 1, "it begins anew")
        jobs.reach("Running")
        assert {pod["spec"]["containers"][0]["image"] for pod in jobs.pods().values()} == {"other:1"}
        services = {item["metadata"]["name"]: item for item in jobs.items("services")}
        assert services["digits-rendezvous"]["spec"]["ports"][0]["port"] == 4000
        assert not jobs.status().get("restarts")
