"""What a new operator does when there is much already: finished jobs, live jobs, pods."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterator

from cluster.waiting import wait_for
from replicas import Operator

from tests.benchmarks.rows import Row
from tests.benchmarks.scale.bed import Bed, rss_megabytes
from tests.benchmarks.scale.client import Client, all_of
from tests.benchmarks.scale.finished import finished_jobs
from tests.benchmarks.scale.load import AKID, PODS, akid_job
from tests.benchmarks.scale.recorder import Recorder

ROUNDS = 3
FINISHED = 2_000
LARGE, SMALL = 2_000, 3_000  # live jobs of four pods, and of one
HALF = LARGE // 2
#: Everything the operator writes.
WRITTEN = ("pods", "services", "configmaps", "secrets", "events")
DEADLINE = 120.0


def run() -> Iterator[Row]:
    """All rows."""
    with Bed() as bed:
        new, old, live = (bed.namespace() for _ in range(3))
        asyncio.run(finished_jobs(bed, old, FINISHED, 0))
        yield from rows(bed, new, old, f"{FINISHED:,} finished jobs", 2)
        with bed.operator() as operator:
            yield from grow(bed, operator, live)
        yield from rows(bed, new, live, f"{LARGE + SMALL:,} live jobs", 20)


def rows(bed: Bed, new: str, old: str, what: str, target: float) -> Iterator[Row]:
    """The rows of some restarts."""
    found = [restart(bed, new, old, f"job-{time.monotonic_ns()}") for _ in range(ROUNDS)]
    seconds, spurious = zip(*found, strict=True)
    yield Row(f"start with {what}: process to pods of a new job", seconds, target, at_least=False, unit="s")
    yield Row(f"start with {what}: writes to them", spurious, 0, at_least=False, unit="")


def restart(bed: Bed, new: str, old: str, name: str) -> tuple[float, float]:
    """(seconds from the start of the process to the pods of a job that waits, what it changed of all else)."""
    before = asyncio.run(versions(bed, old))
    bed.cluster.admin.create(f"{AKID[0]}/namespaces/{new}/{AKID[1]}", akid_job(name))
    pods = f"/api/v1/namespaces/{new}/pods?labelSelector=akid.dev/job={name}"
    begun = time.monotonic()
    with bed.starting() as operator:
        wait_for(lambda: len(bed.cluster.admin.get(pods)["items"]) == PODS, f"the pods of {name}", DEADLINE, 0.02)
        seconds = time.monotonic() - begun
        operator.ready(DEADLINE)
        wait_for(lambda: idle(operator), "the operator is idle", DEADLINE)
        operator.end()
    after = asyncio.run(versions(bed, old))
    return seconds, float(len(set(before.items()) ^ set(after.items())))


def idle(operator: Operator) -> bool:
    """Whether the one new job is running and nothing waits for a worker."""
    waiting = operator.figure("akid_operator_queue_depth")
    return operator.figure("akid_job_start_seconds_count") >= 1 and waiting == 0


async def versions(bed: Bed, namespace: str) -> dict[str, str]:
    """The resourceVersion of everything in a namespace that the operator may write."""
    paths = [f"/api/v1/namespaces/{namespace}/{plural}" for plural in WRITTEN]
    async with Client(bed.cluster) as client:
        lists = [await client.metadata(path) for path in [*paths, f"{AKID[0]}/namespaces/{namespace}/{AKID[1]}"]]
    return {item["uid"]: item["resourceVersion"] for items in lists for item in items}


def grow(bed: Bed, operator: Operator, namespace: str) -> Iterator[Row]:
    """Live jobs, and the operator's memory on the way."""
    asyncio.run(add(bed, operator, namespace, "first", HALF, PODS))
    memory = [rss_megabytes(operator.identity)]
    yield Row(f"resident memory after {HALF:,} jobs of 4 pods", memory, 160, at_least=False, unit="MB")
    asyncio.run(add(bed, operator, namespace, "second", HALF, PODS))
    memory = [rss_megabytes(operator.identity)]
    yield Row(f"resident memory at {LARGE * PODS:,} pods", memory, 300, at_least=False, unit="MB")
    asyncio.run(add(bed, operator, namespace, "small", SMALL, 1))


async def add(bed: Bed, operator: Operator, namespace: str, name: str, count: int, workers: int) -> None:
    """Create jobs and wait until they are running."""
    async with Client(bed.cluster) as client, Recorder(client, namespace, AKID, operator) as recorder:
        path = f"{AKID[0]}/namespaces/{namespace}/{AKID[1]}"
        jobs = (akid_job(f"{name}-{number}", workers) for number in range(count))
        await all_of(functools.partial(client.request, "POST", path, job) for job in jobs)
        await recorder.until(lambda seen: len(seen.running) >= count, f"{count} jobs are running", 900)
