"""The election beside the work: renewed while the work takes its time, given up when the work hangs."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from akid_operator.serve import election
from akid_operator.serve.election import Election
from akid_operator.serve.leader import Leader, Timing
from cluster.waiting import wait_for
from lease_server import Client, Server

# Short, but a turn of the thread may take a while on a machine that is busy.
TIMING = Timing(lease=3.0, deadline=2.0, retry=0.05)


def candidate(server: Server) -> Election:
    client = Client(server)
    return Election(Leader(client, "ops", "akid-operator", "a", TIMING), client)


def renewed(server: Server, times: int) -> None:
    """Keep the caller's whole thread until the lease was written so many times more."""
    before = server.version
    wait_for(lambda: server.version >= before + times, "the lease is renewed", 30)


def test_a_lease_is_renewed_while_the_work_does_not_give_up_its_turn() -> None:
    async def main() -> None:
        server = Server()
        chosen = candidate(server)
        await chosen.acquire()
        holding = asyncio.create_task(chosen.hold())
        await asyncio.sleep(0)
        begun = time.monotonic()
        while time.monotonic() - begun < TIMING.lease:  # longer than it lasts without a renewal
            renewed(server, 1)
            assert chosen.valid()
        holding.cancel()
        await chosen.release()
        await chosen.close()
        assert (server.holder, server.threads) == ("", {"election"})

    asyncio.run(main())


def test_a_lease_is_not_renewed_for_work_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(election, "HANGS", 0.2)

    async def main() -> None:
        chosen = candidate(Server())
        await chosen.acquire()
        holding = asyncio.create_task(chosen.hold())
        await asyncio.sleep(0)
        wait_for(lambda: not chosen.valid(), "it leads no more", TIMING.lease)  # the loop does not turn meanwhile
        await asyncio.wait_for(holding, 10)
        await chosen.close()

    asyncio.run(main())


def test_the_thread_ends_with_the_election() -> None:
    async def main() -> None:
        chosen = candidate(Server())
        await chosen.acquire()
        await chosen.close()

    asyncio.run(main())
    assert "election" not in {thread.name for thread in threading.enumerate()}
