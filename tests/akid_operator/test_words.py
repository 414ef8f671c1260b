"""What a job waits for is told in words that change: they are kept up to date without a write for each."""

from __future__ import annotations

from itertools import cycle, islice

from scene import Scene

PENDING = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


def wait(scene: Scene, *words: str, seconds: int) -> int:
    """The writes while the scheduler words anew every second what the job's pod waits for."""
    writes = 0
    for text in islice(cycle(words), seconds):
        scene.pod("digits-worker-0", conditions=[{**PENDING, "message": text}])
        scene.run()
        writes += scene.server.log.count("status: Queued")
        scene.seconds += 1
    return writes


def waiting() -> Scene:
    """A job whose pod is made."""
    scene = Scene()
    scene.run()
    return scene


def test_a_scheduler_that_words_it_anew_every_second_costs_a_write_in_half_a_minute() -> None:
    scene = waiting()
    assert wait(scene, "0/3 nodes", "0/4 nodes", "0/5 nodes", seconds=120) <= 5
    assert scene.told.count("Unschedulable") == 1
    assert scene.job["status"]["message"].startswith("Unschedulable: digits-worker-0: 0/")


def test_new_words_that_stay_are_told_soon() -> None:
    scene = waiting()
    assert wait(scene, "0/3 nodes", seconds=60) == 1
    scene.pod("digits-worker-0", conditions=[{**PENDING, "message": "0/9 nodes"}])
    scene.seconds += scene.run() or 0
    scene.run()
    assert scene.job["status"]["message"].endswith("0/9 nodes")
    assert scene.seconds <= 62
