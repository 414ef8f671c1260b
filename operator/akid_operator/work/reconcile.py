"""One job, once: look, decide, write the status, delete, create.

The status comes first: a failure is counted (by the pod's UID, on the job as it was read) before anything is
deleted, so that no crash loses or doubles a count. Everything else can be repeated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from akid.job import (
    CreateFailure,
    CreateFailureReason,
    Decision,
    Event,
    ObjectRole,
    Plan,
    PodDefaults,
    decide,
    orphans,
)
from akid.job.planner.conditions import COUNTS
from akid_operator.kube import paths
from akid_operator.kube.api import Api, Json
from akid_operator.kube.errors import ApiError
from akid_operator.work import read
from akid_operator.work.apply import Apply, RefusedError
from akid_operator.work.items import Key
from akid_operator.work.server_schema import ServerSchema
from akid_operator.work.store import Record, Store

logger = logging.getLogger(__name__)

# Of all jobs, counts, progress and words are written so many times a second; one job waits so many times its
# patience for its share.
COUNTS_A_SECOND, LONGEST_SHARE = 20.0, 30.0
# After creates or deletes: the status says so even if no pod does.
AFTER_CHANGES = 1.0
# A finished pod that is being deleted is in no watch: it is read this often, less often the longer it takes.
POLL_GOING, POLL_GOING_LAST = 0.3, 10.0
ROUNDS = 3


class Reporter(Protocol):
    """Is told what was written."""

    def events(self, job: Json, events: tuple[Event, ...]) -> None:
        """Tell people about a job."""
        ...

    def status(self, old: Json, new: Json) -> None:
        """A job's status was written."""
        ...


class Reconciler:
    """Brings one job at a time to where it should be.

    Args:
        api: the API server.
        store: what is known.
        settings: of the pods.
        reporter: told of status writes and events.
        now: the time, for statuses; by default the server's.
        clock: a steady clock in seconds, for ages.
    """

    def __init__(
        self,
        api: Api,
        store: Store,
        settings: PodDefaults,
        reporter: Reporter,
        now: Callable[[], datetime] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._store = store
        self._settings = settings
        self._reporter = reporter
        self._now = now or api.clock
        self._clock = clock
        self.schema = ServerSchema()

    async def reconcile(self, key: Key) -> float | None:
        """Bring a job one step further; the seconds until it must be looked at again, if nothing happens."""
        for _ in range(ROUNDS):
            if not self._store.knows(key):
                return None
            await read.missing_parts(self._api, self._store, key)
            if not self._store.knows(key):
                return None
            record = self._store.record(key)
            if record.lost or any(pod.lost for pod in record.pods.values()):
                continue
            if record.job is None:
                return await self._take_away(key, record)
            decision = await self._decide(key, record)
            if _takes_strays(record, decision) and not await read.still_there(self._api, self._store, key):
                continue
            again = await self._carry_out(key, record, decision)
            if again != 0:
                return again
        return 0.0

    async def _take_away(self, key: Key, record: Record) -> float | None:
        """Pods of a job that is not there, and was not known: of a leader whose last create came late, perhaps."""
        plan = orphans([pod.state for pod in record.pods.values()], self._now())
        await Apply(self._api, self._store, key).deletes(plan.delete)
        if not _has_live_pods(record):
            self._store.forget(key)
            return None
        times = [time for time in (plan.requeue_after, AFTER_CHANGES if plan.delete else None) if time is not None]
        return min(times, default=None)

    async def _decide(self, key: Key, record: Record) -> Decision:
        decision = self._plan(key, record)
        if decision.job is not None and read.must_look_at_gang(record, decision):
            await read.gang(self._api, self._store, key, decision.job)
            decision = self._plan(key, record)
        if decision.job is not None and read.must_look(record, decision, self._clock()):
            await read.objects(self._api, self._store, key, decision.job, self._settings, self._clock())
            decision = self._plan(key, record)
        problem = await read.problem_of_claims(self._api, record, decision)
        if problem:
            record.create_failures = (CreateFailure(CreateFailureReason.INVALID_TEMPLATE, problem),)
            decision = self._plan(key, record)
        return decision

    def _plan(self, key: Key, record: Record) -> Decision:
        assert record.job is not None
        decision = decide(record.job, self._store.observed(key), self._now(), self._settings)
        status = decision.plan.status
        known = self.schema.known(status) if status is not None else None
        if known is status:
            return decision
        if known == record.job.get("status"):
            return replace(decision, plan=replace(decision.plan, status=None, patience=0.0, events=()))
        return replace(decision, plan=replace(decision.plan, status=known))

    async def _carry_out(self, key: Key, record: Record, decision: Decision) -> float | None:
        plan = decision.plan
        if decision.problems:
            logger.warning("%s/%s cannot be read: %s", *key, decision.problems)
        wait = self._wait_for_more(record, plan)
        if plan.status is not None and wait is None and not await self._write_status(record, plan.status):
            return 0.0
        apply = Apply(self._api, self._store, key)
        try:
            await apply.deletes(plan.delete)
            await apply.suspensions(plan.suspend)
            refused = await self._create(apply, record, decision)
        finally:
            if plan.events and wait is None:
                self._reporter.events(record.job or {}, plan.events)
        if refused or record.lost or any(pod.lost for pod in record.pods.values()):
            return 0.0
        return self._next(key, record, plan, wait)

    def _wait_for_more(self, record: Record, plan: Plan) -> float | None:
        """Seconds a status that tells of nothing grave may still wait for more of its kind."""
        now = self._clock()
        if plan.status is None or not plan.patience:
            record.waits_since = None
            return None
        if record.waits_since is None:
            record.waits_since = now
        due = record.waits_since + min(plan.patience, COUNTS)
        if plan.patience >= COUNTS:
            share = min(len(self._store) / COUNTS_A_SECOND, LONGEST_SHARE * plan.patience)
            due = max(due, record.status_written + max(plan.patience, share))
        return due - now if due > now else None

    async def _create(self, apply: Apply, record: Record, decision: Decision) -> bool:
        """Whether the plan must be made anew, since it was refused, or is not any more."""
        try:
            conflicted = await apply.creates(decision)
        except RefusedError as error:
            if error.failure.reason not in {known.reason for known in record.create_failures}:
                logger.warning("%s", error)
            record.refused(error.failure, self._now(), error.retry_after)
            return True
        return bool(decision.plan.create) and (record.made(self._clock()) or conflicted)

    async def _write_status(self, record: Record, status: dict[str, Any]) -> bool:
        """Whether it was written; if not, the job has changed and was read again."""
        old = record.job
        assert old is not None
        metadata = old["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        kept = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")}
        body = {"apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": kept, "status": status}
        try:
            new = await self._api.replace(f"{paths.job(*key)}/status", body)
            self.schema.dropped(status, new.get("status") or {})
        except ApiError as error:
            if self.schema.refused(status, error):
                return False
            if not error.stale and error.status != 404:
                raise
            new = await self._after_conflict(key, record, old, status)
            if new is None:
                return False
        self._store.job_seen(new)
        record.status_written, record.waits_since = self._clock(), None
        self._reporter.status(old, new)
        return True

    async def _after_conflict(self, key: Key, record: Record, old: Json, status: dict[str, Any]) -> Json | None:
        """The job, if the write succeeded after all and only its answer was lost."""
        new = await read.job(self._api, self._store, key)
        if new is not None and new.get("status") == status and new["metadata"]["uid"] == old["metadata"]["uid"]:
            return new
        record.lost = True
        return None

    def _next(self, key: Key, record: Record, plan: Plan, wait: float | None) -> float | None:
        if any(delete.kind is ObjectRole.JOB for delete in plan.delete):
            self._store.forget(key)
            return None
        if record.finished and not plan.create and not plan.delete and not _has_live_pods(record):
            self._store.forget(key)
            if plan.requeue_after is None or not _expires(record):
                return None
            self._store.expect(key)
            return plan.requeue_after
        times = [time for time in (plan.requeue_after, wait) if time is not None]
        if plan.delete or (plan.create and not record.create_failures):
            times.append(AFTER_CHANGES)
        for pod in record.pods.values():
            unseen = pod.state.stopped or pod.state.member is None  # by the watch
            goes = pod.state.terminating or pod.owner != record.uid
            if unseen and goes and not record.finished:
                pod.lost = True
                times.append(self._poll(pod.state.deletion_due))
        return min(times, default=None)

    def _poll(self, due: datetime | None) -> float:
        waited = (self._now() - due).total_seconds() if due else 0.0
        return min(max(POLL_GOING, waited / 4), POLL_GOING_LAST)


def _takes_strays(record: Record, decision: Decision) -> bool:
    """Whether a plan deletes pods of another job of this name."""
    own = {pod.state.uid for pod in record.pods.values() if pod.owner == record.uid}
    return any(d.kind is ObjectRole.MEMBER and d.uid not in own for d in decision.plan.delete)


def _has_live_pods(record: Record) -> bool:
    """Whether there are pods that run, or that a deletion left half way: no watch tells of those."""
    return any(not pod.state.stopped or pod.state.half_deleted for pod in record.pods.values())


def _expires(record: Record) -> bool:
    assert record.job is not None
    return "ttlSecondsAfterFinished" in record.job["spec"].get("runPolicy", {})
