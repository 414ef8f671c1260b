"""Pods that wait for a ConfigMap or a Secret that somebody deleted: it is told, and made again."""

from __future__ import annotations

from typing import Any

import pytest
from scene import CORE, TWO, Scene

STUCK: dict[str, Any] = {
    "conditions": [
        {"type": "PodScheduled", "status": "True"},
        {"type": "PodReadyToStartContainers", "status": "False"},
    ],
    "containerStatuses": [{"name": "trainer", "state": {"waiting": {"reason": "ContainerCreating"}}}],
}


@pytest.mark.parametrize("kind", ["configmaps", "secrets"])
def test_an_object_deleted_before_its_pod_started_is_made_again_within_seconds(kind: str) -> None:
    scene = Scene(engine=TWO)
    scene.run()
    path = next(path for path in scene.server.objects if path.startswith(f"{CORE}/{kind}/"))
    born = scene.start.strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in ("digits-worker-0", "digits-worker-1"):
        item = scene.server.objects[f"{CORE}/pods/{name}"]
        item["metadata"]["creationTimestamp"] = born
        scene.pod(name, **STUCK)
    del scene.server.objects[path]
    scene.run()
    assert (path in scene.server.objects, scene.reason("Queued")) == (False, "")
    scene.seconds += 10
    assert scene.run() is not None
    assert path in scene.server.objects
    assert scene.reason("Queued") == "PodNotSetUp"


def test_a_pod_that_stays_so_costs_one_look_in_a_while() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    scene.server.objects[f"{CORE}/pods/digits-worker-0"]["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    scene.pod("digits-worker-0", **STUCK)
    scene.seconds += 10
    scene.run()
    for _ in range(3):
        wait = scene.run()
        assert (wait, scene.server.log, scene.server.reads) == (30, [], [])
        scene.seconds += 30
        scene.run()
        assert scene.server.log == ["POST secrets"]
