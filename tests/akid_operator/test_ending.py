"""The end of a replica whose server does not answer: it waits for nothing that may not come."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from akid_operator.kube.api import Answer, Call
from akid_operator.serve.metrics import Metrics
from akid_operator.serve.process import Replica
from akid_operator.serve.settings import Options
from akid_operator.work.controller import FAREWELL, Controller
from fake_server import FakeServer

from akid.job import Event, PodDefaults

NAMESPACES = frozenset({"lab"})


class Silent(FakeServer):
    """Answers nothing, or no writes."""

    def __init__(self, *, reads: bool) -> None:
        super().__init__()
        self._reads = reads
        self.asked = asyncio.Event()

    async def exchange(self, call: Call) -> Answer:
        if self._reads and not call.writes:
            return await super().exchange(call)
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError


class Nothing:
    """No client at all."""

    async def close(self) -> None:
        pass


def test_it_ends_while_it_still_asks_what_the_server_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def configuration(_: str | None) -> None:
        return None

    monkeypatch.setattr("akid_operator.kube.connect.configuration", configuration)
    monkeypatch.setattr("akid_operator.kube.connect.client", lambda _: Nothing())

    async def main() -> int:
        api = Silent(reads=False)
        options = Options(namespaces=NAMESPACES, host="127.0.0.1", port=0, elect=False)
        replica = Replica(options, lambda *_: api)
        running = asyncio.create_task(replica.run())
        await asyncio.wait_for(api.asked.wait(), 5)
        replica.stop.set()
        return await asyncio.wait_for(running, 5)

    assert asyncio.run(main()) == 0


@pytest.mark.serial  # seconds are counted
def test_events_that_cannot_be_written_are_waited_for_once() -> None:
    async def main() -> float:
        api = Silent(reads=True)
        controller = Controller(api, PodDefaults(), NAMESPACES, Metrics())
        watching = asyncio.Event()
        watching.set()
        await controller.start(watching)
        metadata = {"name": "digits", "namespace": "lab", "uid": "u", "resourceVersion": "1"}
        told: dict[str, Any] = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "metadata": metadata}
        controller.events(told, (Event("Normal", "One", "one"), Event("Normal", "Two", "two")))
        await asyncio.wait_for(api.asked.wait(), 5)
        await controller.stop()
        begun = time.monotonic()
        await controller.stop()
        return time.monotonic() - begun

    assert asyncio.run(main()) < FAREWELL
