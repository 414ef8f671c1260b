"""Deletes and creates of a plan, and what comes of those the server does not take."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any

from akid.job import Create, CreateFailure, CreateFailureReason, Decision, Delete, ObjectRole, Suspend
from akid.job.api.base import parse_time
from akid.job.api.job import API_VERSION
from akid.job.board import PARTS
from akid.job.names import ROLE_LABEL
from akid.job.objects.services_and_config import CHANGING, TYPES
from akid.job.planner.deadlines import PATIENCE
from akid_operator.kube import paths
from akid_operator.kube.api import Api, Json
from akid_operator.kube.errors import ApiError, OperatorError, UnreachableError
from akid_operator.work.items import Key, content_of, owner_of, uid_of
from akid_operator.work.read import ours
from akid_operator.work.store import Store

# Pods are made in batches that grow: when the first ones are refused, the rest is not even asked for.
FIRST_BATCH, BATCH_GROWTH, LAST_BATCH = 8, 2, 32
MOST_DELETES = 64
# Of these there may be many.
MANY = (ObjectRole.MEMBER, ObjectRole.TRIAL)


class WaitError(OperatorError):
    """Something is in the way that will go by itself."""


class RefusedError(OperatorError):
    """A create that does not work, or not now: the plan must know.

    Args:
        failure: what the plan is told.
        retry_after: seconds the server asks to wait.
    """

    def __init__(self, failure: CreateFailure, retry_after: float = 0.0) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retry_after = retry_after


class Apply:
    """Carries out the deletes and creates of one job's plan, and tells the store."""

    def __init__(self, api: Api, store: Store, key: Key) -> None:
        self._api = api
        self._store = store
        self._key = key
        self._conflicted = False

    # -- deletes

    async def deletes(self, deletes: Iterable[Delete]) -> None:
        """Delete all of these, some at once; what is gone already is deleted."""
        deletes = list(deletes)
        for start in range(0, len(deletes), MOST_DELETES):
            await _all(self._delete(delete) for delete in deletes[start : start + MOST_DELETES])

    async def _delete(self, delete: Delete) -> None:
        api_version, kind = self._type(delete.kind)
        path = paths.item(api_version, kind, self._key.namespace, delete.name)
        record = self._store.record(self._key)
        try:
            left = await self._api.delete(path, delete.uid, version=delete.version, now=delete.force)
        except ApiError as error:
            if error.status != 404 and not error.stale:
                raise
            left = None
            if delete.kind is ObjectRole.JOB and error.stale:
                record.conflicted()
        if delete.kind is ObjectRole.MEMBER:
            self._deleted_pod(delete, left)
        elif delete.kind is ObjectRole.TRIAL:
            self._store.trials.deleted(record.uid, delete.uid)
        else:
            record.deleted(delete.kind, delete.uid)

    def _deleted_pod(self, delete: Delete, left: Json | None) -> None:
        record = self._store.record(self._key)
        if left is None:
            record.pod_gone(delete.name, delete.uid)
            return
        if left.get("kind") == "Pod":
            self._store.pod_seen(left)
        record.pods.deleted(delete.name, delete.uid)

    def _type(self, kind: ObjectRole) -> tuple[str, str]:
        if kind in (ObjectRole.JOB, ObjectRole.TRIAL):
            return API_VERSION, "AkidJob"
        group = self._store.record(self._key).gang
        if kind is ObjectRole.GANG and group is not None:
            return group.api_version, "PodGroup"
        return TYPES[kind]

    # -- suspensions

    async def suspensions(self, suspensions: Iterable[Suspend]) -> None:
        """Suspend trials, or let them go on."""
        await _all(self._suspend(one) for one in suspensions)

    async def _suspend(self, one: Suspend) -> None:
        path = paths.job(self._key.namespace, one.name)
        found = await self._api.find(path)
        if found is None or uid_of(found) != one.uid:
            return
        policy = {**found["spec"].get("runPolicy", {}), "suspend": one.suspend}
        try:
            changed = await self._api.replace(path, {**found, "spec": {**found["spec"], "runPolicy": policy}})
        except ApiError as error:
            if not error.stale and error.status != 404:
                raise
            raise WaitError(f"{one.name} changed meanwhile") from error
        self._store.trials.seen(changed)

    # -- creates

    async def creates(self, decision: Decision, now: datetime) -> bool:
        """Create the job's objects, then its members or trials; stop at what does not work.

        Args:
            decision: what is planned.
            now: the time at which it was.

        Returns:
            Whether some of the members, or pods of their names, were there already: more than the plan knew of.

        Raises:
            RefusedError: if the server will not have something as it is.
            WaitError: if something has to go first.
        """
        creates, manifests = decision.plan.create, decision.manifests
        members = [number for number, create in enumerate(creates) if create.kind in MANY]
        boards = [number for number, create in enumerate(creates) if create.kind in PARTS]
        others = [number for number in range(len(creates)) if number not in {*members, *boards}]
        await _all(self._create(creates[number], manifests[number]) for number in others)
        start, size = 0, FIRST_BATCH
        while start < len(members):
            # Manifests are made a batch at a time: others have their turn in between.
            batch = members[start : start + size]
            await _all(self._create(creates[number], manifests[number]) for number in batch)
            start, size = start + size, min(size * BATCH_GROWTH, LAST_BATCH)
        if boards:
            await self._create_board([(creates[number], manifests[number]) for number in boards], now)
        return self._conflicted

    async def _create_board(self, parts: list[tuple[Create, Json]], now: datetime) -> None:
        """A job does without its TensorBoard as long as the server will not have it."""
        board = self._store.record(self._key).board
        try:
            for part in parts:  # in their order: its NetworkPolicy is there before its pod is
                await self._create(*part)
        except RefusedError as error:
            board.refused(error.failure, now, error.retry_after)
        except WaitError as error:
            failure = CreateFailure(CreateFailureReason.EARLIER_JOB, str(error))
            board.refused(failure, now)
        else:
            board.made()

    async def _create(self, create: Create, wanted: Json) -> None:
        path = paths.collection(wanted["apiVersion"], wanted["kind"], self._key.namespace)
        body = wanted
        if create.kind is ObjectRole.TOKEN:
            body = {**wanted, "stringData": {"token": secrets.token_urlsafe(32)}}
        try:
            made = await self._api.create(path, body)
        except ApiError as error:
            if not error.exists:
                raise _explained(error, wanted) from error
            made = await self._existing(create, wanted)
        except UnreachableError as error:
            # The server may be well and wait for a webhook: then it takes the status that tells of it.
            raise RefusedError(CreateFailure(CreateFailureReason.FAILED_CREATE, str(error))) from error
        self._made(create, made)

    def _made(self, create: Create, made: Json) -> None:
        if create.kind is ObjectRole.MEMBER:
            self._store.pod_seen(made)
        elif create.kind is ObjectRole.TRIAL:
            # Not as a job: that there is a new one is the watch's news.
            self._store.trials.seen(made)
        elif create.kind is not ObjectRole.GANG:
            self._store.record(self._key).objects.seen(create.kind, made)

    async def _existing(self, create: Create, wanted: Json) -> Json:
        """What is there under the name: ours, if its owner and content say so.

        What an earlier job of that name left is on its way out; what anybody else has stays.
        """
        metadata = wanted["metadata"]
        if create.kind is ObjectRole.TOKEN:
            # We may not read Secrets. Its name holds the job's UID.
            return wanted | {"metadata": metadata | {"uid": ""}}
        path = paths.item(wanted["apiVersion"], wanted["kind"], self._key.namespace, metadata["name"])
        found = await self._api.find(path)
        if found is None:
            raise WaitError(f"{metadata['name']} was there a moment ago")
        owner = owner_of(found)
        earlier = owner is not None and owner[0] == self._key.name and owner != owner_of(wanted)
        if create.kind is ObjectRole.MEMBER and (earlier or owner == owner_of(wanted)):
            self._conflicted = True
            return found
        if ours(found, wanted):
            if create.kind in CHANGING and content_of(found) != content_of(wanted):
                self._made(create, found)
                raise WaitError(f"{wanted['kind']} {metadata['name']} of another template is in the way")
            return found
        if owner == owner_of(wanted):
            told = f"ConfigMap {metadata['name']} holds another kid than this job; a new kid is a new job"
            raise RefusedError(CreateFailure(CreateFailureReason.KID_CHANGED, told))
        if earlier:
            raise self._leftover(wanted)
        told = f"there is a {wanted['kind']} {metadata['name']} that is not this job's; delete or rename it"
        raise RefusedError(CreateFailure(CreateFailureReason.NAME_CONFLICT, told))

    def _leftover(self, wanted: Json) -> Exception:
        """What an earlier job left is waited for without a word, but not for ever."""
        told = f"{wanted['kind']} {wanted['metadata']['name']} of an earlier job of this name is going"
        born = parse_time((self._store.record(self._key).job or {})["metadata"].get("creationTimestamp"))
        if isinstance(born, datetime) and born + PATIENCE <= self._api.clock():
            return RefusedError(CreateFailure(CreateFailureReason.EARLIER_JOB, told))
        return WaitError(told)


def _explained(error: ApiError, wanted: Json) -> Exception:
    """A refusal in the planner's words, whoever's trouble it is: a webhook's is told as the server's own."""
    role = wanted["metadata"].get("labels", {}).get(ROLE_LABEL)
    what = f"a pod of role {role}" if role else f"the {wanted['kind']} {wanted['metadata']['name']}"
    told = f"the server refused {what}: {error.message}"
    if error.invalid:
        return RefusedError(CreateFailure(CreateFailureReason.INVALID_TEMPLATE, told))
    if error.over_quota:
        return RefusedError(CreateFailure(CreateFailureReason.QUOTA_EXCEEDED, told))
    if error.forbidden and "because it is being terminated" in error.message:
        return WaitError("the namespace is being deleted")
    if error.forbidden:
        return RefusedError(CreateFailure(CreateFailureReason.FORBIDDEN, told))
    return RefusedError(CreateFailure(CreateFailureReason.FAILED_CREATE, told), error.retry_after or 0.0)


async def _all(work: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Do all of it at once, to the end, then raise the gravest error: a refusal tells more than a wait."""
    results = await asyncio.gather(*work, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise min(errors, key=lambda error: (not isinstance(error, RefusedError), isinstance(error, WaitError)))
