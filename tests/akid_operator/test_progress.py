"""Progress in the status: who is asked when, what is written, and what it costs where nothing moves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from akid_operator.progress.fetch import PollError, StatusReader, Target
from akid_operator.progress.poller import INTERVAL, LONGEST_BACKOFF, Pace, Poller, endpoint_of
from akid_operator.work.items import Key
from akid_operator.work.store import Store, Urgency
from chiefs import HANGS, Chief, answer, serving
from jobs import job
from scene import CORE, JOB, KEY, TWO, Scene

from akid.job.objects.reported import Endpoint

POD = "digits-worker-0"


class Chiefs:
    """A reader whose chiefs say what the test has them say."""

    def __init__(self) -> None:
        self.says: dict[str, dict[str, Any] | Exception] = {}
        self.asked: list[str] = []

    async def read(self, target: Target, endpoint: Endpoint) -> bytes:
        self.asked.append(target.key.name)
        said = self.says.get(target.key.name, {"step": len(self.asked)})
        if isinstance(said, Exception):
            raise said
        return json.dumps(said).encode()


class Virtual:
    """A poller under a clock of its own, which one worker moves on."""

    def __init__(self, jobs: int, rate: float) -> None:
        self.now, self.store, self.chiefs = 0.0, Store(), Chiefs()
        self.marked: list[tuple[float, Key]] = []
        self.poller = Poller(self.store, self._mark, self.chiefs, rate=rate, clock=lambda: self.now)
        self.pace = Pace(rate, lambda: self.now)
        for number in range(jobs):
            self.add(f"job-{number}")

    def add(self, name: str, ip: str = "10.0.0.7") -> None:
        """A job that runs."""
        metadata = {"namespace": "lab", "name": name, "uid": f"uid-{name}", "resourceVersion": "1"}
        self.store.job_seen({"metadata": metadata, "spec": {}, "status": {"state": "Running"}})
        self.store.pod_seen(chief_pod(name, ip))

    def _mark(self, key: Key, news: Urgency) -> None:
        self.marked.append((self.now, key))

    def run(self, seconds: float) -> None:
        """Do what is due until then."""
        asyncio.run(self._run(self.now + seconds))

    async def _run(self, end: float) -> None:
        while self.now < end:
            taken, pause = self.poller.queue.take()
            if taken is None:
                self.now = min(end, self.now + (pause if pause is not None else end))
                continue
            if endpoint_of(self.store, taken.key) is not None:
                self.now += self.pace.take()
            await self.poller.ask(taken.key)
            self.poller.queue.done(taken.key)


def chief_pod(name: str, ip: str = "10.0.0.7", phase: str = "Running", version: int = 2) -> dict[str, Any]:
    """A chief's pod as the server shows it."""
    owner = {"kind": "AkidJob", "name": name, "uid": f"uid-{name}", "controller": True}
    trainer = {
        "name": "trainer", "command": ["akid", "train"], "ports": [{"name": "metrics", "containerPort": 9464}],
    }  # fmt: skip
    labels = {"akid.dev/job": name, "akid.dev/chief": name, "akid.dev/role": "worker", "akid.dev/index": "0"}
    return {
        "metadata": {
            "namespace": "lab", "name": f"{name}-worker-0", "uid": f"pod-{name}", "resourceVersion": str(version),
            "labels": labels, "ownerReferences": [owner],
        },
        "spec": {"containers": [trainer]},
        "status": {"phase": phase, "podIP": ip},
    }  # fmt: skip


def test_few_jobs_are_asked_every_two_seconds() -> None:
    poller = Virtual(jobs=3, rate=10)
    poller.run(60)
    assert len(poller.chiefs.asked) == pytest.approx(3 * 60 / INTERVAL, rel=0.1)


def test_with_many_jobs_the_interval_stretches_and_the_budget_is_kept() -> None:
    poller = Virtual(jobs=400, rate=10)
    poller.run(100)
    assert len(poller.marked) == pytest.approx(1000, rel=0.02)
    times = [time for time, _ in poller.marked]
    assert all(later - sooner >= 0.99 for sooner, later in zip(times, times[10:], strict=False))
    asked = [poller.chiefs.asked.count(f"job-{number}") for number in range(400)]
    assert min(asked) >= 2
    assert max(asked) <= 3


def test_one_that_does_not_answer_is_asked_less_and_less_and_the_others_go_on() -> None:
    poller = Virtual(jobs=2, rate=10)
    poller.chiefs.says["job-0"] = PollError("timeout")
    poller.run(3600)
    liar, honest = (poller.chiefs.asked.count(name) for name in ("job-0", "job-1"))
    assert honest == pytest.approx(3600 / INTERVAL, rel=0.05)
    assert liar < 40 + 3600 / (LONGEST_BACKOFF / 2)
    poller.chiefs.says["job-0"] = {"step": 1}
    poller.run(LONGEST_BACKOFF)
    begun = poller.chiefs.asked.count("job-0")
    poller.run(60)
    assert poller.chiefs.asked.count("job-0") - begun == pytest.approx(60 / INTERVAL, abs=2)


def test_even_a_bug_in_reading_one_job_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    poller = Virtual(jobs=2, rate=10)
    poller.chiefs.says["job-0"] = ZeroDivisionError()
    poller.run(20)
    assert poller.chiefs.asked.count("job-1") >= 9
    assert "lab/job-0: its progress cannot be read" in caplog.text


def test_a_job_that_stands_still_is_not_looked_at() -> None:
    poller = Virtual(jobs=1, rate=10)
    for second in range(30):
        poller.chiefs.says["job-0"] = {
            "step": 7,
            "eta": f"2026-01-01T00:00:{second:02}Z",
            "goodput": 1 / (second + 1),
        }
        poller.run(1)
    assert len(poller.chiefs.asked) > 10
    assert len(poller.marked) == 1


def test_who_has_ended_is_not_asked() -> None:
    poller = Virtual(jobs=1, rate=10)
    poller.run(5)
    poller.store.pod_seen(chief_pod("job-0", phase="Failed", version=3))
    poller.chiefs.asked.clear()
    poller.run(600)
    assert poller.chiefs.asked == []


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
        chiefs = Chiefs()
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


def test_a_chief_that_is_done_leaves_the_last_progress() -> None:
    scene = Trainer()
    scene.all_run()
    scene.asked({"step": 10, "eta": "2026-01-01T01:00:00Z"})
    done = scene.ended(0)
    done["containerStatuses"][0]["state"]["terminated"]["message"] = '{"step": 100, "eta": "2026-01-01T01:00:00Z"}'
    scene.pod(POD, left=True, **done)
    scene.run()
    assert scene.job["status"]["state"] == "Succeeded"
    assert scene.progress == {"step": 100}  # nothing is expected any more


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


def test_liars_and_sleepers_do_not_keep_the_poller_from_the_honest() -> None:
    async def story() -> None:
        async with contextlib.AsyncExitStack() as stack:
            found: dict[str, Chief] = {}
            for name, said in {
                "sleeper-1": HANGS, "sleeper-2": HANGS, "liar": answer("NaN"), "honest": answer({"step": 7}),
            }.items():  # fmt: skip
                found[name] = await stack.enter_async_context(serving(said))
            reader = await stack.enter_async_context(StatusReader())
            store, marked, results = Store(), asyncio.Event(), list[str]()
            poller = Poller(store, lambda *_: marked.set(), reader, results.append, rate=50)
            for name, chief in found.items():
                see(store, name, chief.endpoint)
            await run_until(poller.run(), marked)
            record = store.find(Key("lab", "honest"))
            assert record is not None
            assert record.progress is not None
            assert record.progress.step == 7
            assert results == ["invalid", "moved"]

    asyncio.run(story())


def see(store: Store, name: str, endpoint: Endpoint) -> None:
    """A job runs whose chief is asked there."""
    metadata = {"namespace": "lab", "name": name, "uid": f"uid-{name}", "resourceVersion": "1"}
    store.job_seen({"metadata": metadata, "spec": {}, "status": {"state": "Running"}})
    pod = chief_pod(name, endpoint.host)
    pod["spec"]["containers"][0]["ports"][0]["containerPort"] = endpoint.port
    store.pod_seen(pod)


async def run_until(work: Coroutine[Any, Any, None], event: asyncio.Event) -> None:
    """Run until the event, ten seconds at most."""
    task = asyncio.create_task(work)
    try:
        async with asyncio.timeout(10):
            await event.wait()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
