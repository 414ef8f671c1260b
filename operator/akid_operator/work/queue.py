"""What must be looked at, and when: keys, each at most once in the queue and with at most one worker."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")

FIRST_BACKOFF, LAST_BACKOFF = 0.1, 60.0
# Seconds for which new work may come before the progress of what has begun.
PATIENCE = 0.5
NEVER = float("inf")
# Entries of times that no longer count which are kept before they are cleared away.
SPARE = 1000


class Taken(NamedTuple, Generic[K]):
    """A key to work on, and how long it waited past its time."""

    key: K
    waited: float


class WorkQueue(Generic[K]):
    """Keys with the time each is due.

    A key that is added again keeps the earlier of its times. One that is being worked on is handed out again
    only after `done`. Among those that are due, the ones whose patience is at its end come first, then those
    that were added without one (new work), then the rest: what has begun is never starved by new work, and
    what can wait a little gathers news meanwhile.

    Args:
        clock: seconds, steady; by default the running loop's.
        jitter: a number between 0.5 and 1, by which backoffs are multiplied.
    """

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),
    ) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._jitter = jitter
        self._due: dict[K, float] = {}
        self._later: list[tuple[float, int, K]] = []
        self._new: list[tuple[float, int, K]] = []
        self._begun: list[tuple[float, float, int, K]] = []
        self._latest: dict[K, float] = {}
        self._working: set[K] = set()
        self._failures: dict[K, int] = {}
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """How many keys are due now and wait for a worker."""
        now = self._clock()
        return sum(due <= now for key, due in self._due.items() if key not in self._working)

    @property
    def crowded(self) -> bool:
        """Whether new work waits for a worker."""
        return bool(self._new)

    def add(self, key: K, delay: float = 0.0, *, patience: float = NEVER) -> None:
        """See to it that a key is handed out.

        Args:
            key: what is added.
            delay: seconds until it is due.
            patience: seconds after that in which others may come first.
        """
        due = self._clock() + delay
        sooner = due < self._due.get(key, NEVER)
        more_urgent = due + patience < self._latest.get(key, NEVER)
        if sooner:
            self._due[key] = due
            if patience == NEVER:
                # New work under the name of a job that was to be deleted some day: not as late as that.
                self._latest.pop(key, None)
        if more_urgent:
            self._latest[key] = due + patience
        if (sooner or more_urgent) and key not in self._working:
            self._push(key, self._due[key])

    async def get(self) -> Taken[K]:
        """The next key that is due; wait for one."""
        while True:
            taken, pause = self.take()
            if taken is not None:
                return taken
            self._changed.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        """The work on a key has ended; it is handed out again if it was added meanwhile."""
        self._working.discard(key)
        due = self._due.get(key)
        if due is not None:
            self._push(key, due)

    def retry(self, key: K, at_least: float = 0.0, at_most: float = LAST_BACKOFF) -> float:
        """Add a key whose work failed, later each time, and return the delay."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(min(FIRST_BACKOFF * 2.0 ** min(failures, 30), at_most) * self._jitter(), at_least)
        self.add(key, delay, patience=PATIENCE)
        return delay

    def succeeded(self, key: K) -> None:
        """The work on a key did not fail: the next backoff begins anew."""
        self._failures.pop(key, None)

    def _push(self, key: K, due: float) -> None:
        """A deadline a week ahead is set anew whenever its job is looked at: the old ones must not pile up."""
        if len(self._later) > 2 * len(self._due) + SPARE:
            self._later = [entry for entry in self._later if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._later)
        heapq.heappush(self._later, (due, next(self._order), key))
        self._changed.set()

    def take(self) -> tuple[Taken[K] | None, float | None]:
        """Without waiting: (a key that is due, None) or (None, seconds to the next one, if there is one)."""
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            due, order, key = heapq.heappop(self._later)
            if self._waits(key, due):
                self._sort(key, due, order)
        chosen = self._choose(now)
        if chosen is not None:
            key, due = chosen
            del self._due[key]
            self._latest.pop(key, None)
            self._working.add(key)
            return Taken(key, max(0.0, now - due)), None
        return None, self._later[0][0] - now if self._later else None

    def _sort(self, key: K, due: float, order: int) -> None:
        latest = self._latest.get(key, NEVER)
        if latest < NEVER:
            heapq.heappush(self._begun, (latest, due, order, key))
        else:
            heapq.heappush(self._new, (due, order, key))

    def _choose(self, now: float) -> tuple[K, float] | None:
        """(the key that comes first, its time)."""
        while self._begun and not self._waits(self._begun[0][3], self._begun[0][1]):
            heapq.heappop(self._begun)
        while self._new and not self._waits(self._new[0][2], self._new[0][0]):
            heapq.heappop(self._new)
        if self._begun and (self._begun[0][0] <= now or not self._new):
            _, due, _, key = heapq.heappop(self._begun)
            return key, due
        if self._new:
            due, _, key = heapq.heappop(self._new)
            return key, due
        return None

    def _waits(self, key: K, due: float) -> bool:
        """Whether an entry of a heap still counts."""
        return self._due.get(key) == due and key not in self._working
