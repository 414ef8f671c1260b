"""Who is asked when: under a virtual clock, and with chiefs on loopback that lie and sleep."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import pytest
from akid_operator.progress.fetch import PollError, StatusReader
from akid_operator.progress.poller import INTERVAL, LONGEST_BACKOFF, Pace, Poller, endpoint_of
from akid_operator.work.items import Key
from akid_operator.work.store import Store
from akid_operator.work.urgency import Urgency
from chiefs import HANGS, Chief, Reader, answer, chief_pod, serving

from akid.job.objects.reported import Endpoint


class Virtual:
    """A poller under a clock of its own, which one worker moves on."""

    def __init__(self, jobs: int, rate: float) -> None:
        self.now, self.store, self.chiefs = 0.0, Store(), Reader()
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
            assert "moved" in results

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
