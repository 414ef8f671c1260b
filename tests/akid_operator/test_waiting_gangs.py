"""A gang its scheduler holds back: its PodGroup is in no watch, and is read until it is admitted."""

from __future__ import annotations

from scene import TWO, Scene

GROUP = "/apis/scheduling.volcano.sh/v1beta1/namespaces/lab/podgroups/digits"
PODS = ["POST pods", "POST pods"]


def phase(scene: Scene, phase: str) -> None:
    """Volcano has changed the group."""
    scene.server.put(GROUP, scene.server.objects[GROUP] | {"status": {"phase": phase}})


def held() -> Scene:
    """A job whose group is there and is not admitted."""
    scene = Scene(engine=TWO, scheduling={"gang": "volcano"}, policy={"maxRestarts": 0})
    scene.store.gangs = frozenset({"scheduling.volcano.sh/v1beta1"})
    scene.run()
    scene.seconds += 1
    scene.run()
    assert scene.reason("Queued") == "WaitingForQueue"
    return scene


def test_a_gang_gets_its_pods_when_its_queue_admits_it_however_late() -> None:
    scene = held()
    for _ in range(3):
        scene.seconds += 5
        assert (scene.run(), scene.server.log) == (5.0, [])
    phase(scene, "Inqueue")
    scene.seconds += 5
    scene.run()
    assert [line for line in scene.server.log if line == "POST pods"] == PODS


def test_a_failure_while_nobody_led_is_counted_though_the_gang_is_held() -> None:
    scene = held()
    phase(scene, "Running")
    scene.run()
    scene.pod("digits-worker-1", **scene.ended(1))
    phase(scene, "Pending")
    scene.new_leader()
    scene.store.gangs = frozenset({"scheduling.volcano.sh/v1beta1"})
    scene.run()
    assert scene.job["status"]["state"] == "Failed"


def test_a_gang_goes_with_its_job_and_nothing_is_written_after_the_end() -> None:
    scene = held()
    phase(scene, "Running")
    scene.run()
    for name in ("digits-worker-0", "digits-worker-1"):
        scene.pod(name, left=True, **scene.ended(0))
    scene.run()
    assert scene.job["status"]["state"] == "Succeeded"
    assert scene.server.log.count("DELETE podgroups") == 1
    for _ in range(3):
        scene.seconds += 60
        scene.run()
        assert scene.server.log == []
    assert list(scene.store) == []
