"""Which job a controller looks at first."""

from __future__ import annotations

import asyncio

import pytest
from akid_operator.serve.metrics import Metrics
from akid_operator.work.controller import AT_THE_START, Controller
from akid_operator.work.items import Key
from akid_operator.work.queue import PATIENCE, WorkQueue
from akid_operator.work.urgency import Urgency
from fake_server import FakeServer

from akid.job import PodDefaults

OLD, NEW = Key("lab", "old"), Key("lab", "new")


def handed_out(synced_at: float | None, after: float) -> list[Key]:
    """The order of a job that has begun and a new one, both marked at once, looked at so many seconds later."""

    async def main() -> list[Key]:
        now = [0.0]
        controller = Controller(FakeServer(), PodDefaults(), frozenset(), Metrics())
        controller.queue = WorkQueue(lambda: now[0])
        controller.synced_at = synced_at
        for key, status in ((OLD, {"state": "Running"}), (NEW, {})):
            metadata = {"namespace": key.namespace, "name": key.name, "uid": key.name, "resourceVersion": "1"}
            controller.store.job_seen({"metadata": metadata, "status": status})
            controller.mark(key, Urgency.SOON)
        now[0] = after
        taken = (controller.queue.take()[0] for _ in range(2))
        return [one.key for one in taken if one is not None]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("synced_at", "after", "order"),
    [(0.0, PATIENCE / 2, [NEW, OLD]), (0.0, PATIENCE + 1, [OLD, NEW]),
     (None, PATIENCE + 1, [NEW, OLD]), (None, AT_THE_START + 1, [OLD, NEW])],
)  # fmt: skip
def test_new_jobs_come_before_those_that_have_begun_for_a_while(
    synced_at: float | None, after: float, order: list[Key]
) -> None:
    assert handed_out(synced_at, after) == order
