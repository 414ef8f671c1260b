"""A claim for one node is not given to several pods: the job says why, and no pod waits for ever."""

from __future__ import annotations

import pytest
from scene import CORE, JOB, TWO, Scene

LOG = {"log": {"claimName": "runs"}}


def scene_with(mode: str, **spec: object) -> Scene:
    """A job with a log volume on a claim."""
    scene = Scene(**{"engine": TWO, "volumes": LOG, **spec})
    path = f"{CORE}/persistentvolumeclaims/runs"
    scene.server.put(path, {"metadata": {"name": "runs", "namespace": "lab"}, "spec": {"accessModes": [mode]}})
    return scene


def pods(scene: Scene) -> list[str]:
    return [path for path in scene.server.objects if "/pods/" in path]


def test_several_pods_on_a_claim_for_one_node_are_refused_with_the_reason() -> None:
    scene = scene_with("ReadWriteOnce")
    scene.run()
    assert pods(scene) == []
    assert scene.reason("Failed") == "InvalidTemplate"
    (failed,) = [c for c in scene.server.objects[JOB]["status"]["conditions"] if c["type"] == "Failed"]
    assert "the claim 'runs' is for one. Expected ReadWriteMany. Received: ReadWriteOnce." in failed["message"]


@pytest.mark.parametrize(
    ("mode", "engine", "made", "looks"),
    [("ReadWriteMany", TWO, 2, 1), ("ReadWriteOnce", {"name": "single"}, 1, 0)],
    ids=["several-shared", "one-alone"],
)
def test_a_claim_that_fits_is_looked_at_once(mode: str, engine: dict[str, object], made: int, looks: int) -> None:
    scene = scene_with(mode, engine=engine)
    scene.run()
    assert len(pods(scene)) == made
    assert len([read for read in scene.server.reads if "persistentvolumeclaims" in read]) == looks
    scene.run()
    assert [read for read in scene.server.reads if "persistentvolumeclaims" in read] == []
