"""Many jobs at once: how fast their pods come, and what it takes."""

from __future__ import annotations

import functools
import statistics
import time
from typing import NamedTuple

from replicas import Operator

from tests.benchmarks.scale.bed import Bed, Meter, Usage
from tests.benchmarks.scale.client import Client, all_of
from tests.benchmarks.scale.load import AKID, NATIVE, PODS, akid_job, native_job
from tests.benchmarks.scale.recorder import Recorder, Seen


class Burst(NamedTuple):
    """What came of a burst.

    Attributes:
        rate: pods made a second, from the first request to the last pod.
        lags: seconds from a job's last pod running to its status Running.
        usage: until the last job was running.
        jobs: how many.
    """

    rate: float
    lags: list[float]
    usage: Usage
    jobs: int

    @property
    def lag(self) -> float:
        """The median of the lags."""
        return statistics.median(self.lags)


async def burst(bed: Bed, namespace: str, count: int, operator: Operator | None, run_for: str = "") -> Burst:
    """Create so many jobs of four pods as fast as the server takes them; native ones if there is no operator."""
    api, make = (NATIVE, native_job) if operator is None else (AKID, akid_job)
    path = f"{api[0]}/namespaces/{namespace}/{api[1]}"
    async with Client(bed.cluster) as client, Recorder(client, namespace, api, operator) as recorder:
        meter, begun = Meter(bed, operator), time.monotonic()
        jobs = (make(f"burst-{number}", run_for=run_for) for number in range(count))
        await all_of(functools.partial(client.request, "POST", path, job) for job in jobs)
        await recorder.until(lambda seen: len(seen.pods) >= count * PODS, f"{count} jobs have their pods", 900)
        ended = max(pod.made for pod in recorder.seen.pods.values())
        done = _over if run_for else _running
        await recorder.until(lambda seen: done(seen) >= count, f"{count} jobs are {done.__name__[1:]}", 300)
        return Burst(count * PODS / (ended - begun), lags(recorder.seen), meter.read(), count)


def _running(seen: Seen) -> int:
    """How many jobs are running, as their statuses tell."""
    ready = (job for job in seen.jobs.values() if job.get("status", {}).get("ready") == PODS)  # a native one
    return max(len(seen.running), sum(1 for _ in ready))


def _over(seen: Seen) -> int:
    """How many jobs have ended."""
    return sum("completionTime" in job.get("status", {}) for job in seen.jobs.values())


def lags(seen: Seen) -> list[float]:
    """Seconds from the last pod's Running to the job's."""
    last: dict[str, float] = {}
    for pod in seen.pods.values():
        last[pod.owner] = max(last.get(pod.owner, 0.0), pod.running or 0.0)
    return [told - last[name] for name, told in seen.running.items()]
