"""What is between a replica and the server in memory: time, and trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

import aiohttp
from akid_operator.kube.api import Answer, Api, Call, Json
from akid_operator.kube.clock import ServerClock
from fake_cluster import FakeCluster

BROKEN = aiohttp.ClientOSError(104, "reset by peer")


class Witness(Protocol):
    """Sees every write of a replica."""

    def wrote(self, call: Call, who: str, old: Json | None) -> None:
        """It was done; `old` is what was there before."""
        ...

    def came_late(self, call: Call, answer: Answer) -> None:
        """It was done when nobody waited for it any more."""
        ...


@dataclass
class Weather:
    """How it is on the lines now.

    Args:
        trouble: the share of requests to which something happens.
        slowest: seconds that a request, or its answer, may take.
        lag: seconds that news of a watch may take.
        down: whether the server is.
    """

    trouble: float = 0.0
    slowest: float = 0.05
    lag: float = 0.05
    down: bool = False


class Line(Api):
    """A client of the cluster, whose requests may be slow, lost before or after they are served, or come late.

    Args:
        cluster: the server.
        weather: of all lines.
        random: chance.
        who: the identity of the client.
        witness: sees the writes.
        may_write: as of every `Api`.
    """

    def __init__(
        self,
        cluster: FakeCluster,
        weather: Weather,
        random: Random,
        who: str,
        witness: Witness,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(None, may_write)  # pyright: ignore
        self.clock = ServerClock(cluster.now)
        self._cluster, self._weather, self._random, self._who = cluster, weather, random, who
        self._witness = witness
        self._late: set[asyncio.Task[None]] = set()
        self.cut = self.dead = False

    async def exchange(self, call: Call) -> Answer:
        """One request, with what becomes of it."""
        patience = min(call.timeout, self.longest_write) if call.writes else call.timeout
        async with asyncio.timeout(patience):
            return await self._sent(call)

    async def _sent(self, call: Call) -> Answer:
        fate = self._random.random() / self._weather.trouble if self._weather.trouble else 1.0
        await asyncio.sleep(self._random.uniform(0.001, self._weather.slowest))
        await self._passable()
        if fate < 0.2:
            raise BROKEN
        if fate < 0.4:
            return self._in_trouble()
        if fate < 0.5 and call.writes:
            self._comes_late(call)
            await asyncio.Event().wait()
        answer = await self._served(call)
        await asyncio.sleep(self._random.uniform(0.001, self._weather.slowest))
        await self._passable()
        if 0.5 <= fate < 0.7:
            raise BROKEN
        return answer

    async def _passable(self) -> None:
        if self.dead or (self.cut and self._random.random() < 0.5):
            await asyncio.Event().wait()
        if self.cut or self._weather.down:
            raise BROKEN

    def _in_trouble(self) -> Answer:
        code = self._random.choice([429, 500, 503])
        return Answer(code, self._random.choice([None, 0.0, 1.0]), {"message": "in trouble"})

    async def _served(self, call: Call) -> Answer:
        old = self._cluster.objects.get(call.path.removesuffix("/status"))
        answer = await self._cluster.exchange(call)
        if call.writes and answer.status < 400:
            self._witness.wrote(call, self._who, old)
        return answer

    def _comes_late(self, call: Call) -> None:
        """It hangs somewhere, and arrives when nobody waits for it any more."""

        async def arrive() -> None:
            await asyncio.sleep(self._random.uniform(1, 60))
            if not self._weather.down:
                self._witness.came_late(call, await self._cluster.exchange(call))

        task = asyncio.create_task(arrive())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
