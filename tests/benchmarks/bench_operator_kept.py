"""What finished jobs cost that are kept and must be looked after: they expire some day, and keep no pods.

A resync reads them once an hour. An hour is measured in two parts, both without a job that is not finished, when
they weigh most: what the operator takes while nothing happens, and what an hour's resyncs, which follow each other
quickly, take more with them. Both processes are there at the same time, each on a control plane of its own.
`operator_burst` tells what they cost an operator that works.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from akid_operator.work.resync import FINISHED_EVERY, INTERVAL
from cluster.waiting import wait_for
from replicas import Operator

from tests.benchmarks.rows import Row
from tests.benchmarks.scale.bed import Bed, cpu_seconds
from tests.benchmarks.scale.finished import LOOKED_AFTER, finished_jobs

ROUNDS = 3
KEPT = 10_000
# Of processor time an hour: a thousandth of one processor.
MOST = 3.6
# Seconds in which nothing happens, and between two resyncs that follow each other quickly.
QUIET, QUICK = 30.0, 1.0
HOUR = FINISHED_EVERY * INTERVAL
RESYNCS = 'akid_operator_api_request_seconds_count{code="200",kind="services",verb="GET"}'
DEADLINE = 300.0


def run() -> Iterator[Row]:
    """All rows."""
    with Bed() as empty, Bed() as full:
        asyncio.run(finished_jobs(full, full.namespace(), 0, KEPT, LOOKED_AFTER))
        with empty.operator() as operator:
            quiet = [seconds_of(operator, QUIET) / QUIET for _ in range(ROUNDS)]
        with (
            empty.operator(f"--resync-seconds={QUICK}") as none,
            full.operator(f"--resync-seconds={QUICK}") as kept,
        ):
            pairs = [(resyncs(none), resyncs(kept)) for _ in range(ROUNDS)]
    added = [with_kept - without for without, with_kept in pairs]
    yield Row("idle operator, processor time an hour", [rate * HOUR for rate in quiet], None, unit="s")
    yield Row(f"{KEPT:,} kept that expire and keep no pods add an hour", added, MOST, at_least=False, unit="s")


def seconds_of(operator: Operator, seconds: float) -> float:
    """Processor time in a while in which nothing happens."""
    before = cpu_seconds(operator.identity)
    time.sleep(seconds)
    return cpu_seconds(operator.identity) - before


def resyncs(operator: Operator) -> float:
    """Processor time of an hour's resyncs, one of which lists what has finished."""
    begun, before = operator.figure(RESYNCS), cpu_seconds(operator.identity)
    wait_for(lambda: operator.figure(RESYNCS) >= begun + FINISHED_EVERY, "the resyncs are done", DEADLINE, 0.2)
    return cpu_seconds(operator.identity) - before
