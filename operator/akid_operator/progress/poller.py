"""Who is asked when: chiefs that run, by turns, all of them together only so often a second."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Protocol

from akid.job import Phase
from akid.job.api.status import Progress
from akid.job.members import Member
from akid.job.objects.reported import Endpoint, progress_of, silent_of
from akid_operator.progress.fetch import TIMEOUT, PollError, Target
from akid_operator.work.items import Key
from akid_operator.work.queue import WorkQueue
from akid_operator.work.record import Record
from akid_operator.work.store import Store
from akid_operator.work.urgency import Urgency

logger = logging.getLogger(__name__)

# Questions a second. Each leads to one write at most, and the API server has other things to do.
RATE = 10.0
# Seconds before a chief is asked for the first time; between two questions to it.
FIRST, INTERVAL = 1.0, 2.0
# One that does not answer is asked less and less often.
LONGEST_BACKOFF = 300.0
# What a question to a pod comes to that is not there.
NO_ANSWER = ("timeout", "unreachable")


class Reader(Protocol):
    """Where a poller asks."""

    async def read(self, target: Target, endpoint: Endpoint) -> bytes:
        """The body of `/status`."""
        ...


class Pace:
    """Turns that are at least so far apart that there are only `rate` of them a second.

    Args:
        rate: turns a second.
        clock: seconds, steady.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._apart = 1 / rate
        self._clock = clock
        self._next = -math.inf

    def take(self) -> float:
        """Take the next turn; the seconds until then."""
        now = self._clock()
        turn = max(now, self._next)
        self._next = turn + self._apart
        return turn - now


class Poller:
    """Asks the chiefs for their progress and has the jobs that moved looked at.

    A chief is asked each `INTERVAL`, or as often as it is its turn: with more jobs, less often.

    Args:
        store: which chiefs there are, and where what they say ends up.
        mark: called with each job that moved.
        reader: asks one of them.
        polled: told of each answer, in a word.
        rate: questions a second, of all jobs together.
        clock: seconds, steady; by default the running loop's.
    """

    def __init__(
        self,
        store: Store,
        mark: Callable[[Key, Urgency], None],
        reader: Reader,
        polled: Callable[[str], None] = lambda result: None,
        rate: float = RATE,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._store, self._mark, self._reader, self._polled = store, mark, reader, polled
        self.queue: WorkQueue[Target] = WorkQueue(clock)
        self._pace = Pace(rate, clock or asyncio.get_running_loop().time)
        self._known: set[Target] = set()
        # Even if every chief hangs, one is asked at each turn.
        self.workers = math.ceil(rate * TIMEOUT) + 2
        store.on_chief = self._chief_seen

    def _chief_seen(self, key: Key, name: str, uid: str) -> None:
        target = Target(key, name, uid)
        if target not in self._known:
            self._known.add(target)
            self.queue.add(target, FIRST)
        elif self._on_dead_node(target):
            self.queue.add(target)  # whether it answers is what counts now

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.workers):
                group.create_task(self._work(), name=f"progress {number}")

    async def _work(self) -> None:
        while True:
            target, _ = await self.queue.get()
            try:
                if endpoint_of(self._store, target) is not None:
                    await asyncio.sleep(self._pace.take())
                await self.ask(target)
            finally:
                self.queue.done(target)

    async def ask(self, target: Target) -> None:
        """Ask a chief once, and set the time for the next question; never again if it has ended."""
        endpoint = endpoint_of(self._store, target)
        if endpoint is None:
            self._known.discard(target)
            self.queue.succeeded(target)
            return
        try:
            result = self._heard(target, await self._reader.read(target, endpoint))
        except PollError as error:
            result = error.result
        except Exception:  # one job's trouble must never stop the others
            logger.exception("%s/%s: its progress cannot be read", *target.key)
            result = "error"
        self._polled(result)
        self._judge(target, result)
        if result in ("moved", "same"):
            self.queue.succeeded(target)
            self.queue.add(target, INTERVAL)
        else:
            at_most = INTERVAL if self._on_dead_node(target) else LONGEST_BACKOFF
            delay = self.queue.retry(target, at_least=INTERVAL, at_most=at_most)
            logger.debug("%s/%s: no progress (%s), next try in %.0f s", *target.key, result, delay)

    def _judge(self, target: Target, result: str) -> None:
        """A chief on a node that does not answer is silent if it does not answer either, time and again."""
        record = self._store.find(target.key)
        pod = record.pods.get(target.name) if record is not None else None
        if record is None or pod is None or pod.state.member is None:
            return
        if result not in NO_ANSWER or not pod.state.unreachable:
            record.answered_by(pod.state.member)
        elif record.unanswered_by(pod.state.member):
            self._mark(target.key, Urgency.SOON)

    def _on_dead_node(self, target: Target) -> bool:
        record = self._store.find(target.key)
        pod = record.pods.get(target.name) if record is not None else None
        return pod is not None and pod.state.unreachable

    def _heard(self, target: Target, body: bytes) -> str:
        if take_silent(self._store, target, silent_of(body)):
            self._mark(target.key, Urgency.SOON)
        progress = progress_of(body)
        if progress is None:
            return "invalid"
        if not take(self._store, target, progress):
            return "same"
        self._mark(target.key, Urgency.SOON)
        return "moved"


def endpoint_of(store: Store, target: Target) -> Endpoint | None:
    """Where a chief can be asked; None if it does not run, or its job has ended."""
    record = store.find(target.key)
    pod = record.pods.get(target.name) if record is not None and not record.finished else None
    if pod is None or pod.state.uid != target.uid or pod.state.phase is not Phase.RUNNING:
        return None
    return pod.endpoint


def take(store: Store, target: Target, progress: Progress) -> bool:
    """Take a chief's progress as its job's, if it is the job's chief still; whether that is news."""
    record = _chiefs_job(store, target)
    return record is not None and record.progressed(progress)


def take_silent(store: Store, target: Target, silent: frozenset[Member]) -> bool:
    """The same of the members that it does not hear."""
    record = _chiefs_job(store, target)
    return record is not None and record.misses(silent)


def _chiefs_job(store: Store, target: Target) -> Record | None:
    record = store.find(target.key)
    if record is None or endpoint_of(store, target) is None or record.pods[target.name].owner != record.uid:
        return None
    return record
