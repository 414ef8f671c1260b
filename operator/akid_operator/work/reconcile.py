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
    Decision,
    Event,
    ObjectRole,
    Plan,
    PodDefaults,
    decide,
    orphans,
)
from akid_operator.kube import paths
from akid_operator.kube.api import Api, Json
from akid_operator.kube.errors import ApiError
from akid_operator.work import read
from akid_operator.work.apply import Apply, RefusedError
from akid_operator.work.items import Key
from akid_operator.work.record import Record
from akid_operator.work.server_schema import ServerSchema
from akid_operator.work.store import Store

logger = logging.getLogger(__name__)

# Of all jobs, counts, progress and words are written so many times a second; one job waits so many times its
# patience for its share.
COUNTS_A_SECOND, LONGEST_SHARE = 20.0, 30.0
# After creates or deletes: the status says so even if no pod does.
AFTER_CHANGES = 1.0
# A finished pod that is being deleted is in no watch: it is read this often, less often the longer it takes.
POLL_GOING, POLL_GOING_LAST = 0.3, 10.0
# Then others have their turn: whatever happens meanwhile, no job keeps a worker.
LOOKS = 6


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
        """Bring a job one step further; the seconds until it must be looked at again, if nothing happens.

        It is decided once for each look. Where a plan rests on what has not been seen, that is a look more.
        """
        looked: set[tuple[str, read.Part]] = set()
        for _ in range(LOOKS):
            record = await self._known(key)
            if record is None:
                return None
            if record.unread:
                continue
            if record.job is None:
                return await self._take_away(key, record)
            decision = self._decide(record)
            unseen = read.rests_on(record, decision, self._clock())
            unseen = frozenset(part for part in unseen if (record.uid, part) not in looked)
            if unseen and decision.job is not None:
                looked |= {(record.uid, part) for part in unseen}
                await read.parts(self._api, self._store, key, unseen, decision.job, self._settings, self._clock())
                continue
            again = await self._carry_out(key, record, decision)
            if again != 0:
                return again
            looked.clear()
        return 0.0

    async def _known(self, key: Key) -> Record | None:
        """What is known of a job, once what left the watches was read; None if there is nothing to do for it."""
        if not self._store.knows(key):
            return None
        await read.what_left(self._api, self._store, key)
        return self._store.record(key) if self._store.knows(key) else None

    async def _take_away(self, key: Key, record: Record) -> float | None:
        """Pods of a job that is not there, and was not known: of a leader whose last create came late, perhaps."""
        plan = orphans([pod.state for pod in record.pods.values()], self._now())
        await Apply(self._api, self._store, key).deletes(plan.delete)
        if not record.pods.live:
            self._store.forget(key)
            return None
        times = [time for time in (plan.requeue_after, AFTER_CHANGES if plan.delete else None) if time is not None]
        return min(times, default=None)

    def _decide(self, record: Record) -> Decision:
        assert record.job is not None
        observed = record.observed(self._store.gangs, self._store.trials.of(record.uid))
        decision = decide(record.job, observed, self._now(), self._settings)
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
        if refused or record.unread:
            return 0.0
        return self._next(key, record, decision, wait)

    def _wait_for_more(self, record: Record, plan: Plan) -> float | None:
        """Seconds a status that tells of nothing grave may still wait for more of its kind."""
        if plan.status is None or not plan.patience:
            record.status_waits_no_more()
            return None
        share = min(len(self._store) / COUNTS_A_SECOND, LONGEST_SHARE * plan.patience)
        return record.status_waits(plan.patience, share, self._clock())

    async def _create(self, apply: Apply, record: Record, decision: Decision) -> bool:
        """Whether the plan must be made anew, since it was refused, or is not any more."""
        try:
            conflicted = await apply.creates(decision, self._now())
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
        record.status_was_written(self._clock())
        self._reporter.status(old, new)
        return True

    async def _after_conflict(self, key: Key, record: Record, old: Json, status: dict[str, Any]) -> Json | None:
        """The job, if the write succeeded after all and only its answer was lost."""
        new = await read.job(self._api, self._store, key)
        if new is not None and new.get("status") == status and new["metadata"]["uid"] == old["metadata"]["uid"]:
            return new
        record.conflicted()
        return None

    def _next(self, key: Key, record: Record, decision: Decision, wait: float | None) -> float | None:
        plan = decision.plan
        if any(delete.kind is ObjectRole.JOB for delete in plan.delete):
            self._store.forget(key)
            return None
        looks = None if plan.create else read.board_due_in(record, decision.job, self._clock())
        changes = plan.create or plan.delete or looks is not None
        if record.finished and not changes and not record.pods.live:
            self._store.forget(key)
            if plan.requeue_after is None or not record.expires:
                return None
            self._store.expect(key)
            return plan.requeue_after
        times = [time for time in (plan.requeue_after, wait, looks) if time is not None]
        if plan.delete or (plan.create and not record.create_failures):
            times.append(AFTER_CHANGES)
        if not record.finished:
            times += map(self._poll, record.pods.go_unseen(record.uid))
        return min(times, default=None)

    def _poll(self, due: datetime | None) -> float:
        waited = (self._now() - due).total_seconds() if due else 0.0
        return min(max(POLL_GOING, waited / 4), POLL_GOING_LAST)
