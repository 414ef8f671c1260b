"""News that overtake answers: what has left is gone, whatever is heard of it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from akid_operator.kube.api import Answer
from scene import CORE, JOB, KEY, TWO, Scene


def gone_before_the_answer(scene: Scene) -> None:
    """From now on, the watch tells that a pod is gone before its DELETE is answered."""
    delete = scene.server._delete  # pyright: ignore

    def overtaken(call: Any) -> Answer:
        answer = delete(call)
        scene.server.objects.pop(call.path, None)
        metadata = answer.body.get("metadata", {})
        due = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
        scene.store.pod_left(answer.body | {"metadata": metadata | {"resourceVersion": "900"}})
        later = metadata | due | {"resourceVersion": "899"}
        return Answer(200, None, answer.body | {"kind": "Pod", "metadata": later})

    scene.server._delete = overtaken  # pyright: ignore


@pytest.mark.parametrize("phase", ["Running", "Failed"])
def test_a_pod_whose_end_is_told_before_its_delete_is_answered_is_gone(phase: str) -> None:
    scene = Scene(engine=TWO, policy={"restartStrategy": "Recreate"})
    scene.run()
    scene.pod("digits-worker-1", phase=phase)
    scene.pod("digits-worker-0", left=True, **scene.ended(137))
    gone_before_the_answer(scene)
    scene.run()
    assert scene.server.log[-2:] == ["POST pods", "POST pods"]
    assert not any(state.terminating for state in scene.store.record(KEY).observed(frozenset()).members)


@pytest.mark.parametrize("what", ["job", "pod"])
def test_what_leaves_while_it_is_read_is_read_again(what: str) -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", phase="Running")
    get, path = scene.server._get, JOB if what == "job" else f"{CORE}/pods/digits-worker-0"  # pyright: ignore

    def leaves(call: Any) -> Answer:
        answer = get(call)
        if call.path == path and path in scene.server.objects:
            old = scene.server.objects.pop(path)
            later = old | {"metadata": old["metadata"] | {"resourceVersion": "900"}}
            (scene.store.job_left if what == "job" else scene.store.pod_left)(later)
        return answer

    scene.server._get = leaves  # pyright: ignore
    old = scene.server.objects[path]
    (scene.store.job_left if what == "job" else scene.store.pod_left)(old)
    scene.run()
    if what == "job":
        assert list(scene.store) == []
        assert scene.server.log == []
    else:
        assert scene.server.log[-1] == "POST pods"


def test_a_pod_whose_deletion_was_left_half_way_by_another_leader_is_deleted_once_more() -> None:
    scene = Scene(policy={"cleanPodPolicy": "All"})
    scene.run()
    path = f"{CORE}/pods/digits-worker-0"
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    ended = scene.server.objects[path]
    scene.run()
    assert scene.server.log[-1] == "DELETE pods"
    half_way = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
    scene.server.put(path, ended | {"metadata": ended["metadata"] | half_way})
    scene.lead()
    assert (scene.run(), scene.server.log) == (2, [])
    scene.seconds += 2
    scene.run()
    assert scene.server.log == ["DELETE pods"]
    scene.run()
    assert list(scene.store) == []
