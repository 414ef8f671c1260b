"""A client of a real API server whose requests are delayed, reset before or after they are served, or refused."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import aiohttp
from akid_operator.kube.api import Answer, Call
from hosted import Watched

BROKEN = aiohttp.ClientOSError(104, "reset by peer")


class Troubled(Watched):
    """Spoils a share of its requests.

    Args:
        random: chance.
        trouble: the share.
    """

    def __init__(self, random: Random, trouble: float, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._random, self.trouble = random, trouble
        self.dead = False

    async def exchange(self, call: Call) -> Answer:
        if self.dead:
            await asyncio.Event().wait()
        fate = self._random.random() / self.trouble if self.trouble else 1.0
        if fate < 0.2:
            raise BROKEN
        if fate < 0.4:
            code = self._random.choice([429, 500, 503])
            return Answer(code, self._random.choice([None, 0.0, 1.0]), {"message": "in trouble"})
        if fate < 0.6:
            await asyncio.sleep(self._random.uniform(0, 3))
        answer = await super().exchange(call)
        if 0.6 <= fate < 0.8:
            raise BROKEN
        return answer
