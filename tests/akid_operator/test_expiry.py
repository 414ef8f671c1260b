"""Jobs that expire: deleted once, as they were judged, and forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from akid_operator.kube.api import Answer, Call
from akid_operator.serve.metrics import Metrics
from akid_operator.work.controller import Controller
from fake_server import FakeServer
from jobs import job
from scene import JOB, Scene

from akid.job import PodDefaults


def about_to_expire() -> Scene:
    """A finished job whose time has come."""
    scene = Scene(policy={"ttlSecondsAfterFinished": 60})
    scene.run()
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    assert scene.run() == 60
    scene.seconds += 61
    return scene


def known(scene: Scene) -> None:
    """Have the job in the store, as it was a moment ago."""
    scene.store.job_seen(scene.job)


def edit(scene: Scene, **policy: Any) -> None:
    """A user's change, of which no watch tells."""
    spec = scene.job["spec"] | {"runPolicy": scene.job["spec"]["runPolicy"] | policy}
    scene.server.put(JOB, scene.job | {"spec": spec})


@pytest.mark.parametrize("gone", [False, True], ids=["by the operator", "by somebody else, before"])
def test_a_job_that_expired_is_deleted_and_forgotten(gone: bool) -> None:
    scene = about_to_expire()
    if gone:
        known(scene)
        del scene.server.objects[JOB]
    assert (scene.run(), list(scene.store)) == (None, [])
    assert JOB not in scene.server.objects
    assert (scene.run(), scene.server.log, scene.server.reads) == (None, [], [])


def test_a_job_that_is_not_valid_expires_like_others() -> None:
    scene = Scene(policy={"ttlSecondsAfterFinished": 60}, engine={"name": "abacus"})
    assert scene.run() == 60
    assert scene.reason("Failed") == "InvalidSpec"
    scene.seconds += 61
    known(scene)
    assert (scene.run(), JOB in scene.server.objects) == (None, False)


@pytest.mark.parametrize(
    ("policy", "wait"), [({"suspend": True}, None), ({"ttlSecondsAfterFinished": 100}, pytest.approx(39, abs=1))]
)
def test_a_job_that_changed_meanwhile_is_judged_as_it_is(policy: dict[str, Any], wait: float | None) -> None:
    scene = about_to_expire()
    known(scene)
    edit(scene, **policy)
    assert scene.run() == wait
    assert JOB in scene.server.objects


def test_a_job_that_was_only_labelled_meanwhile_expires() -> None:
    scene = about_to_expire()
    known(scene)
    scene.server.put(JOB, scene.job | {"metadata": scene.job["metadata"] | {"labels": {"a": "b"}}})
    scene.run()
    assert scene.server.log == ["DELETE akidjobs", "DELETE akidjobs"]
    assert JOB not in scene.server.objects


def test_a_thousand_jobs_that_expired_leave_nothing_behind() -> None:
    async def main() -> tuple[set[int], int]:
        server = Counting()
        for number in range(1000):
            name = f"job-{number}"
            manifest = job(name, policy={"ttlSecondsAfterFinished": 1})
            done = {"type": "Succeeded", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}
            status = {"state": "Succeeded", "completionTime": "2020-01-01T00:00:00Z", "conditions": [done]}
            manifest["metadata"] |= {"namespace": "lab", "generation": 1}
            server.put(JOB.replace("digits", name), manifest | {"status": status})
        controller = Controller(server, PodDefaults(), frozenset({"lab"}), Metrics())
        await controller._read_all()  # pyright: ignore[reportPrivateUsage]
        while (taken := controller.queue.take()[0]) is not None:
            await controller._one(taken.key, 0.0)  # pyright: ignore[reportPrivateUsage]
            controller.queue.done(taken.key)
        held = [value for thing in (controller.store, controller.queue) for value in vars(thing).values()]
        ended = controller.store._ended  # pyright: ignore[reportPrivateUsage]
        sizes = {len(value) for value in held if isinstance(value, dict | set) and value is not ended}
        return sizes, server.deletes

    sizes, deletes = asyncio.run(main())
    assert (sizes, deletes) == ({0}, 1000)


class Counting(FakeServer):
    """Counts the deletes."""

    deletes = 0

    def _delete(self, call: Call) -> Answer:
        self.deletes += 1
        return super()._delete(call)


def test_finished_jobs_are_listed_at_the_start_and_then_once_an_hour() -> None:
    async def main() -> list[int]:
        server = FakeServer()
        controller = Controller(server, PodDefaults(), frozenset({"lab"}), Metrics())
        lists: list[int] = []
        for _ in range(14):
            server.reads.clear()
            await controller._read_all()  # pyright: ignore[reportPrivateUsage]
            lists.append(server.reads.count("GET akidjobs"))
        return lists

    assert asyncio.run(main()) == [5, *[1] * 11, 5, 1]
