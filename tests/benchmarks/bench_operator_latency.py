"""How soon the operator acts when there is nothing else to do: a new job, a failed pod, its own end."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any

from replicas import Operator

from tests.benchmarks.rows import Row
from tests.benchmarks.scale.bed import OPERATORS, Bed, rss_megabytes
from tests.benchmarks.scale.client import Client
from tests.benchmarks.scale.load import AKID, PODS, akid_job
from tests.benchmarks.scale.recorder import Recorder, Seen

ROUNDS = 3
JOBS = 100
DEADLINE = 30.0
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATORS}/leases/akid-operator"
KILLED = {"exitCode": 137, "reason": "OOMKilled"}


def run() -> Iterator[Row]:
    """All rows."""
    starts: list[list[float]] = []
    failures: list[list[float]] = []
    ends: list[float] = []
    memory: list[float] = []
    for _ in range(ROUNDS):  # each with a control plane of its own: jobs that are there take memory
        with Bed() as bed, bed.operator() as operator:
            memory.append(rss_megabytes(operator.identity))
            started, failed = asyncio.run(in_turn(bed, operator))
            starts.append(started)
            failures.append(failed)
            ends.append(end(bed, operator))
    yield Row("idle operator, resident memory", memory, 90, at_least=False, unit="MB")
    yield Row("one job, created to 4 pods, p50", quantiles(starts, 50), 80, at_least=False, unit="ms")
    yield Row("one job, created to 4 pods, p99", quantiles(starts, 99), 200, at_least=False, unit="ms")
    yield Row("a failed pod to its successor, p50", quantiles(failures, 50), 50, at_least=False, unit="ms")
    yield Row("a failed pod to its successor, p99", quantiles(failures, 99), None, unit="ms")
    yield Row("SIGTERM to exit, the lease let go", ends, 2, at_least=False, unit="s")


def quantiles(rounds: list[list[float]], percent: int) -> list[float]:
    """A quantile of each round, in milliseconds of values in seconds."""
    return [statistics.quantiles(values, n=100, method="inclusive")[percent - 1] * 1000 for values in rounds]


async def in_turn(bed: Bed, operator: Operator) -> tuple[list[float], list[float]]:
    """One job after the other: seconds until each has its pods; then of each a pod fails and is replaced."""
    namespace = bed.namespace()
    async with Client(bed.cluster) as client, Recorder(client, namespace, AKID, operator) as recorder:
        started = [await start(client, recorder, namespace, f"one-{number}") for number in range(JOBS)]
        await recorder.until(lambda seen: len(seen.running) == JOBS, "all jobs are running", DEADLINE)
        failed = [await replace(client, recorder, namespace, f"one-{number}") for number in range(JOBS)]
        return started, failed


async def start(client: Client, recorder: Recorder, namespace: str, name: str) -> float:
    """Seconds from the request for a job to its last pod."""
    path, begun = f"{AKID[0]}/namespaces/{namespace}/{AKID[1]}", time.monotonic()
    await client.request("POST", path, akid_job(name))
    await recorder.until(lambda seen: len(made(seen, name)) >= PODS, f"{name} has its pods", DEADLINE)
    return max(made(recorder.seen, name)) - begun


async def replace(client: Client, recorder: Recorder, namespace: str, name: str) -> float:
    """Seconds from the failure of a worker (it was killed for its memory) to the next pod in its place."""
    path, before = f"/api/v1/namespaces/{namespace}/pods/{name}-worker-1", len(made(recorder.seen, name))
    pod: dict[str, Any] = await client.request("GET", path)
    container = pod["status"]["containerStatuses"][0] | {"ready": False, "state": {"terminated": KILLED}}
    begun = time.monotonic()
    await client.merge(f"{path}/status", {"status": {"phase": "Failed", "containerStatuses": [container]}})
    await recorder.until(lambda seen: len(made(seen, name)) > before, f"{name}-worker-1 is replaced", DEADLINE)
    return max(made(recorder.seen, name)) - begun


def made(seen: Seen, name: str) -> list[float]:
    """When the pods of a job were made."""
    return [pod.made for pod in seen.pods.values() if pod.owner == name]


def end(bed: Bed, operator: Operator) -> float:
    """Seconds from SIGTERM to the end of the process, which has let its lease go."""
    begun = time.monotonic()
    code = operator.end()
    seconds = time.monotonic() - begun
    holder = bed.cluster.admin.get(LEASE)["spec"].get("holderIdentity")
    if code or holder:
        raise RuntimeError(f"not a clean end: exit code {code}, the lease is held by {holder!r}")
    return seconds
