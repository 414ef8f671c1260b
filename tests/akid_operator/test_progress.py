"""Progress in the status: what is written with what, and what it costs where nothing moves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from akid_operator.progress.fetch import Target
from akid_operator.progress.poller import Poller
from chiefs import Reader
from jobs import job
from scene import CORE, JOB, KEY, TWO, Scene

POD = "digits-worker-0"


class Trainer(Scene):
    """A scene whose chief's `/status` is what the test sets."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(**spec)
        self.run()
        self.run()

    def all_run(self, ip: str = "127.0.0.1") -> None:
        """Every pod runs."""
        for path in [path for path in self.server.objects if path.startswith(f"{CORE}/pods/")]:
            self.pod(path.rpartition("/")[2], phase="Running", podIP=ip)
        self.settle()

    def settle(self) -> None:
        """Reconcile until nothing waits."""
        for _ in range(5):
            self.run()
            self.seconds += 2

    def asked(self, said: dict[str, Any]) -> None:
        """The chief is asked, and what follows is done."""
        chiefs = Reader()
        chiefs.says["digits"] = said
        poller = Poller(self.store, lambda *_: None, chiefs, clock=lambda: self.seconds)
        uid = self.server.objects[f"{CORE}/pods/{POD}"]["metadata"]["uid"]
        asyncio.run(poller.ask(Target(KEY, POD, uid)))
        assert chiefs.asked == ["digits"]

    @property
    def progress(self) -> dict[str, Any]:
        return self.job["status"].get("progress", {})


def test_progress_moves_in_the_status_and_what_stands_still_costs_no_write() -> None:
    scene = Trainer(engine=TWO)
    scene.all_run()
    scene.asked({"step": 10, "maxSteps": 100, "loss": 0.5, "eta": "2026-01-01T01:00:00Z", "generation": 1})
    scene.settle()
    assert scene.progress == {
        "step": 10, "maxSteps": 100, "loss": 0.5, "eta": "2026-01-01T01:00:00Z", "generation": 1,
    }  # fmt: skip
    version = scene.job["metadata"]["resourceVersion"]
    for second in range(10):
        scene.asked({"step": 10, "maxSteps": 100, "loss": 0.5, "eta": f"2026-01-01T01:00:{second:02}Z",
                     "generation": 1, "goodput": 0.5})  # fmt: skip
        scene.settle()
    assert scene.job["metadata"]["resourceVersion"] == version
    scene.asked({"step": 20, "maxSteps": 100})
    scene.settle()
    assert (scene.progress["step"], scene.job["status"]["highestStep"]) == (20, 20)


def test_steps_made_again_lower_the_step_but_not_the_highest() -> None:
    scene = Trainer(engine=TWO)
    scene.all_run()
    for step in (50, 30):
        scene.asked({"step": step})
        scene.settle()
    assert (scene.progress["step"], scene.job["status"]["highestStep"]) == (30, 50)


def test_a_step_beyond_the_highest_ends_the_back_off_and_a_restart_keeps_the_progress() -> None:
    scene = Trainer(engine=TWO, policy={"maxRestarts": 9})
    restarts: list[int] = []
    for step in (10, 10, 20):
        scene.all_run()
        scene.asked({"step": step})
        scene.settle()
        scene.pod("digits-worker-1", left=True, **scene.ended(137))
        scene.run()
        restarts.append(scene.job["status"]["backoff"]["restarts"])
        scene.seconds += 60
        scene.settle()
        assert scene.progress == {"step": step}
    assert restarts == [1, 2, 1]


@pytest.mark.parametrize(("code", "error"), [(0, ""), (1, "No space left on device\n")])
def test_a_chief_that_has_ended_leaves_the_last_progress(code: int, error: str) -> None:
    scene = Trainer()
    scene.all_run()
    scene.asked({"step": 10, "eta": "2026-01-01T01:00:00Z"})
    ended = scene.ended(code)
    words = error + '{"member": "worker-0", "step": 100, "eta": "2026-01-01T01:00:00Z"}'
    ended["containerStatuses"][0]["state"]["terminated"]["message"] = words
    scene.pod(POD, left=True, **ended)
    scene.run()
    assert scene.job["status"]["state"] == ("Failed" if code else "Succeeded")
    assert scene.progress == {"step": 100}  # nothing is expected any more
    assert scene.job["status"].get("lastFailure", {}).get("message", "") == error.strip()


@pytest.mark.parametrize("code", [0, 1])
def test_what_was_heard_last_is_written_with_the_end(code: int) -> None:
    scene = Trainer()
    scene.all_run()
    scene.asked({"step": 99, "loss": 0.1})
    scene.pod(POD, left=True, **scene.ended(code))
    scene.run()
    assert scene.job["status"]["state"] in ("Succeeded", "Failed")
    assert scene.progress == {"step": 99, "loss": 0.1}


def test_a_new_leader_knows_the_progress_there_is() -> None:
    scene = Trainer(engine=TWO)
    scene.all_run()
    scene.asked({"step": 10})
    scene.settle()
    scene.new_leader()
    scene.settle()
    assert scene.progress == {"step": 10}


def test_a_chief_of_an_earlier_job_of_that_name_is_not_heard() -> None:
    scene = Trainer()
    scene.all_run()
    scene.server.put(JOB, job() | {"metadata": {"name": "digits", "namespace": "lab", "uid": "other"}})
    scene.store.job_seen(scene.job)
    scene.asked({"step": 10})
    assert scene.store.record(KEY).progress is None
