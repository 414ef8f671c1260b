"""The operator under a burst of jobs, against native Indexed Jobs and against itself.

Every round has a control plane of its own: to delete what a burst leaves would take longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from replicas import Operator

from tests.benchmarks.rows import Row
from tests.benchmarks.scale.bed import Bed
from tests.benchmarks.scale.bursts import Burst, burst
from tests.benchmarks.scale.finished import LOOKED_AFTER, finished_jobs

ROUNDS = 3
WARM, FEW, MANY = 10, 100, 1000
KEPT_WITH_PODS, KEPT_WITHOUT = 2_000, 10_000
#: Of the jobs whose whole life is looked at.
RUN_FOR = "5s"


def run() -> Iterator[Row]:
    """All rows: first without, then with jobs that have finished before."""
    few, native, many = zip(*(crowd() for _ in range(ROUNDS)), strict=True)
    yield from against_native(few, native)
    yield from against_itself(few, many, "")
    yield from lives([whole_lives() for _ in range(ROUNDS)])
    kept = [crowd_beside_finished() for _ in range(ROUNDS)]
    yield from against_itself(few, kept, ", 12,000 finished kept")
    cost = [a.usage.operator / b.usage.operator for a, b in zip(kept, many, strict=True)]
    yield Row("1,000 jobs, operator's time, 12,000 kept over none", cost, 1.1, at_least=False)


def crowd() -> tuple[Burst, Burst, Burst]:
    """Bursts of 100 jobs, of 100 Indexed Jobs and of 1,000 jobs, on one control plane."""
    with Bed() as bed, bed.operator() as operator:
        warm_up(bed, operator)
        native = one(bed, FEW)
        return one(bed, FEW, operator), native, one(bed, MANY, operator)


def crowd_beside_finished() -> Burst:
    """A burst of 1,000 jobs beside many that have finished: 2,000 with their pods, 10,000 that expire some day."""
    with Bed() as bed:
        asyncio.run(finished_jobs(bed, bed.namespace(), KEPT_WITH_PODS, KEPT_WITHOUT, LOOKED_AFTER))
        with bed.operator() as operator:
            warm_up(bed, operator)
            return one(bed, MANY, operator)


def whole_lives() -> tuple[Burst, Burst]:
    """100 jobs and 100 Indexed Jobs from their start to their end."""
    with Bed() as bed, bed.operator() as operator:
        warm_up(bed, operator)
        native = one(bed, FEW, run_for=RUN_FOR)
        return one(bed, FEW, operator, run_for=RUN_FOR), native


def warm_up(bed: Bed, operator: Operator) -> None:
    """A few jobs of both kinds."""
    one(bed, WARM)
    one(bed, WARM, operator)


def one(bed: Bed, count: int, operator: Operator | None = None, run_for: str = "") -> Burst:
    """A burst in a namespace of its own."""
    return asyncio.run(burst(bed, bed.namespace(), count, operator, run_for))


def against_native(few: tuple[Burst, ...], native: tuple[Burst, ...]) -> Iterator[Row]:
    """The speed of 100 jobs over that of 100 Indexed Jobs."""
    yield Row("100 native Indexed Jobs x 4 pods", [b.rate for b in native], None, unit="pods/s")
    yield Row("100 jobs x 4 pods", [b.rate for b in few], None, unit="pods/s")
    pairs = list(zip(few, native, strict=True))
    yield Row("100 jobs, pods a second over native Indexed Jobs", [a.rate / b.rate for a, b in pairs], 0.6)


def against_itself(few: tuple[Burst, ...], many: list[Burst] | tuple[Burst, ...], where: str) -> Iterator[Row]:
    """What becomes of speed, cost and statuses with ten times as many jobs."""
    yield Row(f"1,000 jobs x 4 pods{where}", [b.rate for b in many], None, unit="pods/s")
    own = [a.rate / b.rate for a, b in zip(many, few, strict=True)]
    yield Row(f"1,000 jobs, pods a second over 100 jobs{where}", own, 0.9)
    lags = [b.lag for b in many]
    yield Row(f"1,000 jobs, last pod to Running, median{where}", lags, 2, at_least=False, unit="s")
    cost = [b.usage.operator / b.jobs * 1000 for b in many]
    yield Row(f"1,000 jobs, operator's time a job{where}", cost, 35, at_least=False, unit="ms")


def lives(pairs: list[tuple[Burst, Burst]]) -> Iterator[Row]:
    """What a job costs from its start to its end."""
    writes = [own.usage.writes / own.jobs for own, _ in pairs]
    yield Row("a job of 4 pods, writes of its life", writes, 14, at_least=False, unit="")
    cost = [own.usage.control_plane / own.jobs * 1000 for own, _ in pairs]
    yield Row("a job of 4 pods, control plane's time", cost, None, unit="ms")
    cost = [own.usage.control_plane / native.usage.control_plane for own, native in pairs]
    yield Row("the same over a native Indexed Job", cost, 1.25, at_least=False)
    cost = [own.usage.operator / own.jobs * 1000 for own, _ in pairs]
    yield Row("a job of 4 pods, operator's time", cost, 35, at_least=False, unit="ms")
