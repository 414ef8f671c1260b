"""Figures for Prometheus."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from akid.job.api.base import parse_time
from akid.job.api.status import Status
from akid_operator.kube.api import Call, Json
from akid_operator.work.store import Store

LATENCY = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
STARTS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """All of the operator's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._synced = False
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        made: dict[str, Any] = {"registry": self.registry, "namespace": "akid"}
        self._finished = Counter("jobs_finished", "Jobs that ended.", ["result", "reason"], **made)
        self._restarts = Counter("job_restarts", "Counted restarts of jobs.", **made)
        self._starts = Histogram("job_start_seconds", "From creation to Running.", buckets=STARTS, **made)
        self._recoveries = Histogram(
            "job_recovery_seconds", "From a lost member to Running again.", buckets=STARTS, **made
        )
        made["namespace"] = "akid_operator"
        self._reconciles = Histogram("reconcile_seconds", "Work on one key.", ["result"], buckets=LATENCY, **made)
        self._waits = Histogram("queue_wait_seconds", "A due key's wait for a worker.", buckets=LATENCY, **made)
        self._requests = Histogram(
            "api_request_seconds", "Requests to the API server.", ["verb", "kind", "code"], buckets=LATENCY, **made
        )
        self._resync = Gauge("resync_seconds", "Duration of the last resync.", **made)
        self._repairs = Counter("resync_repairs", "Changes a resync found that no watch had told.", **made)
        self._polls = Counter("progress_polls", "Chiefs asked for their progress.", ["result"], **made)
        self.leader = Gauge("leader", "1 if this replica is the leader.", **made)

    def watch(self, store: Store, depth: Callable[[], int], synced_at: Callable[[], float | None]) -> None:
        """Report the state of these at every scrape."""
        self.registry.register(_Live(store, depth, synced_at))

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self.registry)

    def requested(self, call: Call, code: int, seconds: float) -> None:
        """A request was answered (0: was not)."""
        self._requests.labels(call.method, kind_of(call.path), str(code)).observe(seconds)

    def reconciled(self, waited: float, seconds: float, *, ok: bool) -> None:
        """A worker has done with a key."""
        self._waits.observe(waited)
        self._reconciles.labels("ok" if ok else "error").observe(seconds)

    def polled(self, result: str) -> None:
        """A chief was asked for its progress."""
        self._polls.labels(result).inc()

    def synced(self, seconds: float, found: int) -> None:
        """A resync has ended."""
        self._resync.set(seconds)
        self._repairs.inc(found if self._synced else 0)
        self._synced = True

    def status_written(self, old: Json, new: Json) -> None:
        """A job's status was written."""
        before, after = (Status.model_validate(job.get("status") or {}) for job in (old, new))
        self._restarts.inc(max(0, after.restarts - before.restarts))
        for result in ("Succeeded", "Failed"):
            condition = after.condition(result)
            if after.is_true(result) and condition is not None:
                self._finished.labels(result, condition.reason).inc()
        running = after.condition("Running")
        if running is None or not after.is_true("Running") or before.is_true("Running"):
            return
        lost = before.condition("Restarting")
        if lost is not None and before.is_true("Restarting"):
            self._recoveries.observe(_between(lost.last_transition_time, running.last_transition_time))
        elif before.condition("Running") is None:
            created = parse_time(new["metadata"].get("creationTimestamp"))
            self._starts.observe(_between(created, running.last_transition_time))


class _Live(Collector):
    """Figures that are counted when somebody asks."""

    def __init__(self, store: Store, depth: Callable[[], int], synced_at: Callable[[], float | None]) -> None:
        self._store = store
        self._depth = depth
        self._synced_at = synced_at

    def collect(self) -> Iterable[Metric]:
        """The jobs by state, the queue, the age of the last resync."""
        states = Tally(state_of(record.job) for _, record in self._store if record.job is not None)
        jobs = GaugeMetricFamily("akid_jobs", "Jobs that are not finished, by state.", labels=["state"])
        for state in ("", "Created", "Queued", "Running", "Restarting", "Suspended"):
            jobs.add_metric([state or "New"], states[state])
        yield jobs
        yield GaugeMetricFamily("akid_operator_queue_depth", "Keys that wait for a worker.", value=self._depth())
        synced = self._synced_at()
        age = time.monotonic() - synced if synced is not None else 0.0
        yield GaugeMetricFamily("akid_operator_resync_age_seconds", "Since the last resync.", value=age)


def state_of(job: Mapping[str, Any]) -> str:
    """A job's state in one word."""
    return job.get("status", {}).get("state", "")


def kind_of(path: str) -> str:
    """The plural a request is about; a subresource after a slash."""
    parts = path.split("/")
    start = 4 if parts[1] == "apis" else 3
    if parts[start : start + 1] == ["namespaces"] and len(parts) > start + 2:
        start += 2
    rest = parts[start:]
    return "/".join([rest[0], *rest[2:]]) if rest else "discovery"


def _between(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
