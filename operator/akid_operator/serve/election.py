"""The election in a thread of its own: a candidate with a loop and a connection that nothing else uses.

What the work takes of the processor, how long its turns are and how many requests wait keeps no lease from being
renewed in time. But no lease is renewed for a process whose work hangs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from akid_operator.kube.api import Api
from akid_operator.serve.leader import Leader, steady

# Seconds between two signs of life of the work's loop, and after which it is taken to hang.
BEAT, HANGS = 1.0, 30.0
# Seconds to end the thread.
CLOSING = 1.0


class Election:
    """One candidate, as the loop that does the work sees it.

    Args:
        leader: the candidate; its coroutines run in the thread.
        api: whose requests it sends.
        clock: a steady clock.
    """

    def __init__(self, leader: Leader, api: Api, clock: Callable[[], float] = steady) -> None:
        self._leader = leader
        self._api = api
        self._clock = clock
        self._beaten = clock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="election", daemon=True)
        self._thread.start()

    @property
    def margin(self) -> float:
        """How long a write may be on its way, in seconds."""
        return self._leader.timing.margin

    def valid(self) -> bool:
        """Whether this process may write."""
        return self._leader.valid()

    async def acquire(self) -> None:
        """Wait until this process is the leader."""
        await self._there(self._leader.acquire())

    async def hold(self) -> None:
        """Renew until that fails for too long, somebody else holds the lease or the loop of the caller hangs."""
        beating = asyncio.create_task(self._beat(), name="heartbeat")
        try:
            await self._there(self._leader.hold(self._works))
        finally:
            beating.cancel()

    async def release(self) -> None:
        """Let another replica take over at once. Nothing is written after this."""
        await self._there(self._leader.release())

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self._there(self._api.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, CLOSING)
        if not self._thread.is_alive():
            self._loop.close()

    async def _beat(self) -> None:
        while True:
            self._beaten = self._clock()
            await asyncio.sleep(BEAT)

    def _works(self) -> bool:
        return self._clock() - self._beaten < HANGS

    async def _there(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done in the thread; if the caller is cancelled, that is too."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
