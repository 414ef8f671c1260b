"""A server whose versions go back, as after a backup of etcd was restored: the process begins anew, at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from akid_operator.kube.api import Answer, Call
from akid_operator.kube.errors import RewoundError
from akid_operator.serve.metrics import Metrics
from akid_operator.work.controller import Controller
from fake_server import FakeServer
from scene import CORE, JOB, KEY, Scene

from akid.job import PodDefaults

POD = f"{CORE}/pods/digits-worker-0"


def restored(scene: Scene, path: str, **changed: Any) -> None:
    """An object is as it was when the backup was made."""
    item = scene.server.objects[path]
    scene.server.objects[path] = item | changed | {"metadata": item["metadata"] | {"resourceVersion": "7"}}


def test_a_status_that_is_refused_by_an_older_job_is_not_written_again_and_again() -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    restored(scene, JOB)
    with pytest.raises(RewoundError, match=r"job lab/digits: \d+, now 7"):
        scene.run()


def test_a_pod_that_is_older_than_what_was_told_of_it_is_noticed() -> None:
    scene = Scene()
    scene.run()
    scene.store.pod_left(scene.server.objects[POD])
    restored(scene, POD)
    with pytest.raises(RewoundError, match="pod lab/digits-worker-0"):
        scene.run()


def test_the_process_begins_anew_when_a_list_is_older_than_the_one_before() -> None:
    versions = [9, 7]

    class Restored(FakeServer):
        async def exchange(self, call: Call) -> Answer:
            answer = await super().exchange(call)
            if call.path.endswith("/akidjobs") and "!=Succeeded" in call.query["fieldSelector"]:
                answer.body["metadata"]["resourceVersion"] = str(versions.pop(0))
            return answer

    async def ended() -> list[int]:
        controller = Controller(Restored(), PodDefaults(), frozenset({KEY.namespace}), Metrics())
        begun_anew: list[int] = []
        controller.on_rewound = lambda: begun_anew.append(1)
        for _ in range(2):
            await controller._learned()  # pyright: ignore[reportPrivateUsage]
        return begun_anew

    assert asyncio.run(ended()) == [1]
