"""A job whose name another one had before: what that left is waited for, told, and in the end taken away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from scene import CORE, JOB, KEY, TWO, Scene

POD = f"{CORE}/pods/digits-worker-1"


def a_scene(**metadata: Any) -> Scene:
    """A job that is a second old, and the pod that the job before it left on a dead node."""
    scene = Scene(engine=TWO)
    born = scene.start - timedelta(seconds=1)
    scene.server.put(JOB, scene.job | {"metadata": scene.job["metadata"] | {"creationTimestamp": _text(born)}})
    owner = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "name": "digits", "uid": "an-earlier-job"}
    labels = {"akid.dev/job": "digits", "akid.dev/role": "worker", "akid.dev/index": "1", "akid.dev/attempt": "0"}
    made = {
        "name": "digits-worker-1",
        "namespace": "lab",
        "labels": labels,
        "ownerReferences": [owner | {"controller": True}],
        "creationTimestamp": _text(born - timedelta(hours=1)),
    }
    spec = {"nodeName": "node-a", "containers": [{"name": "trainer"}]}
    scene.server.put(POD, {"metadata": made | metadata, "spec": spec, "status": {"phase": "Running"}})
    scene.lead()
    return scene


def _text(time: Any) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def going(scene: Scene) -> Scene:
    """Its deletion was asked for; it was due by now."""
    old = scene.server.objects[POD]
    due = {"deletionTimestamp": _text(scene.start), "deletionGracePeriodSeconds": 30}
    scene.server.put(POD, old | {"metadata": old["metadata"] | due})
    return scene


@pytest.mark.parametrize("heard", [True, False], ids=["the watch told", "found when its name is taken"])
def test_a_pod_on_a_dead_node_is_told_then_forced_then_replaced(heard: bool) -> None:
    scene = going(a_scene())
    if heard:
        scene.store.pod_seen(scene.server.objects[POD])
    scene.run()
    assert ("POST pods" in scene.server.log) is not heard
    scene.run()
    scene.seconds += 11
    scene.run()
    assert scene.reason("Queued") == "PodTerminating"
    assert scene.server.log == ["PUT akidjobs/status", "status: Queued"]
    scene.seconds += 20
    old = scene.server.objects[POD]
    scene.run()
    assert scene.server.log[:1] == ["DELETE pods"]
    scene.store.pod_left(old)
    scene.run()
    assert scene.server.objects[POD]["metadata"]["uid"] != old["metadata"]["uid"]
    assert scene.reason("Queued") == "Admitted"


def test_the_pod_of_a_job_that_took_the_place_of_the_known_one_is_never_touched() -> None:
    scene = a_scene()
    scene.store.pod_seen(scene.server.objects[POD])
    scene.run()
    old = scene.job
    owner = scene.server.objects[POD]["metadata"]["ownerReferences"][0]["uid"]
    scene.server.put(JOB, old | {"metadata": old["metadata"] | {"uid": owner}, "status": {}})
    scene.seconds = 11
    scene.run()
    assert scene.server.reads[0] == "GET akidjobs"
    assert "DELETE pods" not in scene.server.log
    assert scene.store.record(KEY).uid == owner


def test_a_finished_pod_that_is_garbage_is_waited_for_by_reading_it() -> None:
    scene = a_scene()
    scene.server.put(POD, scene.server.objects[POD] | {"status": {"phase": "Succeeded"}})
    assert scene.run() == pytest.approx(0.3)
    del scene.server.objects[POD]
    scene.run()
    assert POD in scene.server.objects


def test_an_object_that_does_not_go_is_told() -> None:
    scene = a_scene()
    del scene.server.objects[POD]
    owner = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "name": "digits", "uid": "an-earlier-job"}
    kept = {"name": "digits-kid", "ownerReferences": [owner | {"controller": True}]}
    scene.server.put(f"{CORE}/configmaps/digits-kid", {"metadata": kept})
    scene.server.clock = lambda: scene.start + timedelta(seconds=30)  # pyright: ignore
    scene.run()
    assert scene.reason("Queued") == "EarlierJobTerminating"
    del scene.server.objects[f"{CORE}/configmaps/digits-kid"]
    scene.seconds += 5
    scene.run()
    assert scene.reason("Queued") == "Admitted"
