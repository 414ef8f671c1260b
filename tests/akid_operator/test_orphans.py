"""Pods that live though their job is over, gone or was never heard of: a resync finds them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from akid_operator.kube.api import Call
from akid_operator.serve.metrics import Metrics
from akid_operator.work.apply import WaitError
from akid_operator.work.controller import Controller
from akid_operator.work.resync import Resync
from scene import CORE, JOB, KEY, Scene

from akid.job import PodDefaults

POD = f"{CORE}/pods/digits-worker-0"


def resync(scene: Scene) -> None:
    """Read the lists into the scene's store."""

    def ignore(*_: object) -> None:
        pass

    reader = Resync(scene.server, scene.store, frozenset({"lab"}), ignore, ignore, ignore)
    asyncio.run(reader.run())


def late(scene: Scene, **metadata: Any) -> None:
    """A create that a former leader sent arrives only now."""
    labels = {"akid.dev/job": "digits", "akid.dev/role": "worker", "akid.dev/index": "0", "akid.dev/attempt": "0"}
    uid = scene.job["metadata"]["uid"]
    owner = {
        "apiVersion": "akid.dev/v1alpha1",
        "kind": "AkidJob",
        "name": "digits",
        "uid": uid,
        "controller": True,
    }
    made = {
        "name": "digits-worker-0",
        "namespace": "lab",
        "labels": labels,
        "ownerReferences": [owner],
    }
    spec = {"nodeName": "node-a", "containers": [{"name": "trainer"}]}
    scene.server.put(POD, {"metadata": made | metadata, "spec": spec, "status": {"phase": "Running"}})


def ended() -> Scene:
    """A job that succeeded, of which nothing is left, and nothing remembered."""
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    scene.run()
    scene.seconds += 5
    scene.run()
    assert list(scene.store) == []
    del scene.server.objects[POD]
    return scene


def test_a_pod_that_arrives_after_its_job_ended_is_deleted() -> None:
    scene = ended()
    late(scene)
    before = scene.job
    assert scene.store.pod_seen(scene.server.objects[POD]) == 0
    resync(scene)
    scene.run()
    assert scene.server.log == ["DELETE pods"]
    assert scene.job == before
    assert scene.nodes_let_go() == ["digits-worker-0"]
    scene.run()
    scene.seconds += 1
    scene.run()
    assert list(scene.store) == []


@pytest.mark.parametrize("remembered", [True, False], ids=["was known", "was never heard of"])
def test_a_pod_that_arrives_after_its_job_is_gone_is_deleted(remembered: bool) -> None:
    scene = ended()
    late(scene)
    del scene.server.objects[JOB]
    if not remembered:
        scene.lead()
    resync(scene)
    scene.run()
    assert (scene.server.reads, scene.server.log) == (["GET akidjobs"], ["DELETE pods"])


def test_a_pod_of_no_job_on_a_dead_node_is_forced_when_it_is_overdue() -> None:
    scene = ended()
    due = (scene.start + timedelta(seconds=scene.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    late(scene, deletionTimestamp=due, deletionGracePeriodSeconds=30)
    del scene.server.objects[JOB]
    resync(scene)
    assert (scene.run(), scene.server.log) == (30, [])
    scene.seconds += 30
    scene.run()
    assert scene.server.log == ["DELETE pods"]


def test_the_pods_of_a_job_that_is_deleted_are_left_to_the_garbage_collector() -> None:
    scene = Scene()
    scene.run()
    old = scene.server.objects.pop(JOB)
    scene.store.job_left(old)
    assert (scene.run(), scene.server.log) == (None, [])


def test_a_job_made_anew_while_its_predecessor_is_looked_for_is_not_forgotten() -> None:
    scene = Scene()
    scene.run()
    old = scene.server.objects.pop(JOB)
    scene.store.job_left(old)
    get = scene.server._get  # pyright: ignore

    def overtaken(call: Call) -> Any:
        answer = get(call)
        if call.path == JOB and JOB not in scene.server.objects:
            metadata = {name: value for name, value in old["metadata"].items() if name != "uid"}
            scene.store.job_seen(scene.server.put(JOB, old | {"metadata": metadata, "status": {}}))
        return answer

    scene.server._get = overtaken  # pyright: ignore
    with pytest.raises(WaitError, match="of an earlier job of this name"):
        scene.run()
    assert [key for key, _ in scene.store] == [KEY]
    assert scene.store.record(KEY).uid == scene.job["metadata"]["uid"] != old["metadata"]["uid"]


def test_a_resync_marks_what_it_finds() -> None:
    async def main() -> Any:
        scene = Scene()
        late(scene)
        scene.server.objects[JOB] |= {"status": {"state": "Succeeded"}}
        controller = Controller(scene.server, PodDefaults(), frozenset({"lab"}), Metrics())
        await controller._read_all()  # pyright: ignore[reportPrivateUsage]
        await asyncio.sleep(0.2)
        taken, _pause = controller.queue.take()
        return taken and taken.key

    assert asyncio.run(main()) == KEY
