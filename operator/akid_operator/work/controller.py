"""The operator at work: news go into the store, keys into the queue, workers take them out."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from akid.job import Event, PodDefaults
from akid_operator.kube.api import Api, Json
from akid_operator.kube.errors import ApiError, OperatorError, RewoundError
from akid_operator.work.apply import WaitError
from akid_operator.work.events import EventWriter
from akid_operator.work.items import Key, key_of, owner_of
from akid_operator.work.queue import NEVER, PATIENCE, WorkQueue
from akid_operator.work.reconcile import Reconciler
from akid_operator.work.resync import INTERVAL, Resync
from akid_operator.work.store import Store
from akid_operator.work.urgency import Urgency

logger = logging.getLogger(__name__)

# Many: most of their time is the API server's. In a burst, writes that wait there come before what others do.
WORKERS = 64
# Seconds in which news are gathered.
DELAYS = {Urgency.SOON: 0.1, Urgency.LEFT: 0.01, Urgency.NOW: 0.0}
# Seconds in which others may come before a job that has begun.
PATIENT = {Urgency.SOON: PATIENCE, Urgency.LEFT: 0.0, Urgency.NOW: 0.0}
# The same at the start, when nothing that is read is known to hurry: what is new, or happens later, comes first.
AT_THE_START = 30.0
# What waits for somebody else's deletion to be done is tried again at least this often.
LONGEST_WAIT = 2.0
# For requests that are on their way, and events not yet written, when the process is asked to end.
FAREWELL = 0.6
# After a LIST that failed.
START_AGAIN, RESYNC_AGAIN = 1.0, 10.0


class Figures(Protocol):
    """Where the controller tells what it has done."""

    def reconciled(self, waited: float, seconds: float, *, ok: bool) -> None:
        """A worker has done with a key, which had waited."""

    def synced(self, seconds: float, found: int) -> None:
        """A resync has ended; it found so many keys that the watches had not told of."""

    def status_written(self, old: Json, new: Json) -> None:
        """A job's status was written."""


class Controller:
    """Owns the store, the queue and everything that runs.

    Args:
        api: the API server.
        settings: of the pods.
        namespaces: the namespaces to look after; empty for all.
        metrics: where figures go.
        interval: seconds between two resyncs.
    """

    def __init__(
        self,
        api: Api,
        settings: PodDefaults,
        namespaces: frozenset[str],
        metrics: Figures,
        interval: float = INTERVAL,
    ) -> None:
        self.store = Store()
        self.store.trials.on_news = lambda key: self.mark(key, Urgency.SOON)
        self.queue: WorkQueue[Key] = WorkQueue()
        self._metrics = metrics
        self._interval = interval
        self._event_writer = EventWriter(api, lambda: self.queue.crowded)
        self._resync = Resync(api, self.store, namespaces, self.mark, self._later, self._look)
        self._reconciler = Reconciler(api, self.store, settings, self)
        self._tasks: list[asyncio.Task[None]] = []
        self._busy: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._gap = asyncio.Event()
        self.on_rewound: Callable[[], None] = lambda: None
        self._started_at: float | None = None
        self.synced_at: float | None = None

    # -- news

    def observe_job(self, event: Mapping[str, Any]) -> None:
        """An event of the jobs' watch."""
        job: Json = dict(event["object"])
        left = event["type"] == "DELETED"
        self.mark(key_of(job), self.store.job_left(job) if left else self.store.job_seen(job))

    def observe_pod(self, event: Mapping[str, Any]) -> None:
        """An event of the pods' watch."""
        pod: Json = dict(event["object"])
        owner = owner_of(pod)
        if owner is not None:
            left = event["type"] == "DELETED"
            key = Key(pod["metadata"]["namespace"], owner[0])
            self.mark(key, self.store.pod_left(pod) if left else self.store.pod_seen(pod))

    def mark(self, key: Key, news: Urgency) -> None:
        """Have a job looked at. What happens to one that has begun comes before one that is new, or soon after."""
        if news is not Urgency.NONE:
            begun = self.store.record(key).begun
            patience = PATIENT[news] if self.synced_at is not None else AT_THE_START
            self.queue.add(key, DELAYS[news], patience=patience if begun else NEVER)

    def _later(self, key: Key, delay: float) -> None:
        self.store.expect(key)
        self._look(key, delay)

    def _look(self, key: Key, delay: float) -> None:
        self.queue.add(key, delay, patience=PATIENCE)

    # -- what the reconciler reports

    def events(self, job: Json, events: tuple[Event, ...]) -> None:
        """Tell people about a job."""
        self._event_writer.add(job, events)

    def status(self, old: Json, new: Json) -> None:
        """A job's status was written."""
        self._metrics.status_written(old, new)

    # -- life

    async def start(self, watching: asyncio.Event) -> None:
        """Once the watches stand, learn what there is, then start the work.

        In this order nothing falls into a gap between what was read and what is told.
        """
        self._started_at = time.monotonic()
        await watching.wait()
        for pause in itertools.repeat(START_AGAIN):
            if self._stopping:
                return
            if await self._learned():
                break
            await asyncio.sleep(pause)
        self._tasks = [asyncio.create_task(self._work(), name=f"worker {number}") for number in range(WORKERS)]
        self._tasks.append(asyncio.create_task(self._resyncs(), name="resync"))
        self._tasks.append(asyncio.create_task(self._event_writer.run(), name="events"))

    async def stop(self) -> None:
        """End the work; requests that are on their way are waited for a little. May be called again."""
        self._stopping = True
        workers, others = self._tasks[:WORKERS], self._tasks[WORKERS:]
        for task in workers:
            if task not in self._busy:
                task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await asyncio.gather(*workers, return_exceptions=True)
                if others and not others[-1].done():  # the last one writes the events
                    await self._event_writer.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def resync_now(self) -> None:
        """Read everything again, since the watches had a gap."""
        self._gap.set()

    def healthy(self, now: float) -> bool:
        """Whether the last resync (the start, as long as none has worked) is not too long ago and nothing died."""
        since = self._started_at if self.synced_at is None else self.synced_at
        if since is None or self._stopping:
            return True
        return now - since < 3 * self._interval and not any(task.done() for task in self._tasks)

    async def _learned(self) -> bool:
        try:
            await self._read_all()
        except Exception as error:  # it is tried again; health tells if that never works
            self._heed(error)
            unexpected = None if isinstance(error, OperatorError) else error
            logger.warning("cannot read what there is: %s", error, exc_info=unexpected)
            return False
        return True

    async def _read_all(self) -> None:
        begun = time.monotonic()
        self._reconciler.schema.forget()
        found = await self._resync.run()
        self.synced_at = time.monotonic()
        self._metrics.synced(self.synced_at - begun, found)

    async def _resyncs(self) -> None:
        good = True
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval if good else min(RESYNC_AGAIN, self._interval)):
                    await self._gap.wait()
            self._gap.clear()
            good = await self._learned()

    # -- work

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        while not self._stopping:
            key, waited = await self.queue.get()
            self._busy.add(task)
            try:
                await self._one(key, waited)
            finally:
                self._busy.discard(task)
                self.queue.done(key)

    async def _one(self, key: Key, waited: float) -> None:
        begun = time.monotonic()
        try:
            again = await self._reconciler.reconcile(key)
        except Exception as error:  # one job's trouble must never stop the others
            self._heed(error)
            self._retry(key, error)
            self._metrics.reconciled(waited, time.monotonic() - begun, ok=isinstance(error, WaitError))
            return
        self.queue.succeeded(key)
        if again is not None:
            self.queue.add(key, again, patience=PATIENCE)
        self._metrics.reconciled(waited, time.monotonic() - begun, ok=True)

    def _heed(self, error: Exception) -> None:
        """What is known cannot be trusted after some errors: then the process has to begin anew."""
        if isinstance(error, RewoundError):
            self.on_rewound()

    def _retry(self, key: Key, error: Exception) -> None:
        if isinstance(error, WaitError):
            delay = self.queue.retry(key, at_most=LONGEST_WAIT)
            logger.info("%s/%s waits %.1f s: %s", *key, delay, error)
            return
        told = error.retry_after if isinstance(error, ApiError) else None
        delay = self.queue.retry(key, at_least=told or 0.0)
        unexpected = None if isinstance(error, OperatorError) else error
        logger.warning("%s/%s: next try in %.1f s: %s", *key, delay, error, exc_info=unexpected)
