"""Jobs of which there are no news: what is to be done for them is done all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from akid_operator.kube.api import Answer
from akid_operator.serve.metrics import Metrics
from akid_operator.work.controller import Controller
from akid_operator.work.items import Key
from akid_operator.work.queue import WorkQueue
from fake_server import FakeServer
from jobs import job
from scene import CORE, JOB, TWO, Scene

from akid.job import PodDefaults

FULL = Answer(403, None, {"message": "exceeded quota: small"})


def pods(scene: Scene) -> list[str]:
    return [path.rpartition("/")[2] for path in scene.server.objects if path.startswith(f"{CORE}/pods/")]


def edit(scene: Scene, **engine: Any) -> None:
    """A user has changed the job."""
    spec = scene.job["spec"] | {"engine": scene.job["spec"]["engine"] | engine}
    metadata = scene.job["metadata"] | {"generation": scene.job["metadata"]["generation"] + 1}
    scene.store.job_seen(scene.server.put(JOB, scene.job | {"metadata": metadata, "spec": spec}))


@pytest.mark.parametrize(("strategy", "workers"), [("Recreate", 2), ("InPlace", 1)])
def test_pods_that_vanished_while_nobody_led_are_made_by_the_next_leader(strategy: str, workers: int) -> None:
    scene = Scene(engine=TWO, policy={"restartStrategy": strategy})
    scene.run()
    for name in pods(scene):
        scene.pod(name, phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    scene.run()
    for name in pods(scene):
        del scene.server.objects[f"{CORE}/pods/{name}"]
    edit(scene, workers=workers)
    scene.new_leader()
    scene.run()
    assert scene.job["status"]["attempt"] == 1
    assert pods(scene) == [f"digits-worker-{index}" for index in range(workers)]


def test_a_job_without_pods_for_want_of_quota_is_scaled_and_made() -> None:
    scene = Scene(engine=TWO)
    scene.server.refuse["POST", "pods"] = [FULL] * 8
    scene.run()
    assert (pods(scene), scene.reason("Queued")) == ([], "QuotaExceeded")
    scene.server.refuse.clear()
    edit(scene, workers=1)
    scene.run()
    assert pods(scene) == ["digits-worker-0"]


def test_a_resync_looks_at_every_unfinished_job_also_without_news() -> None:
    async def main() -> list[Key | None]:
        server = FakeServer()
        now = [0.0]
        for name, state in (("a", "Running"), ("b", "Restarting")):
            path = JOB.replace("digits", name)
            metadata = {"name": name, "namespace": "lab"}
            server.put(path, job(name) | {"metadata": metadata, "status": {"state": state}})
        controller = Controller(server, PodDefaults(), frozenset({"lab"}), Metrics())
        controller.queue = WorkQueue(lambda: now[0])
        looked: list[Key | None] = []
        for _ in range(2):
            await controller._read_all()  # pyright: ignore[reportPrivateUsage]
            now[0] += 40
            for _ in range(2):
                taken, _pause = controller.queue.take()
                looked.append(taken and taken.key)
                if taken is not None:
                    controller.queue.done(taken.key)
        return looked

    assert asyncio.run(main()) == [Key("lab", "a"), Key("lab", "b")] * 2
