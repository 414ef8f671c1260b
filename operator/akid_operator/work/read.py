"""Reading what the watches do not show: what has left them, a job's other objects, its finished pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from enum import Enum

from akid.job import AkidJob, Decision, ObjectRole, Plan, gang_state
from akid.job.board import BOARD, PARTS, wants_board
from akid.job.gang import gang_of
from akid.job.manifest.served import same_kid
from akid.job.members import NOT_SET_UP, Create
from akid.job.names import JOB_LABEL, object_name
from akid.job.objects.claims import claim_problem, shared_claims
from akid.job.objects.pods import PodDefaults, place_of
from akid.job.objects.services_and_config import manifest, type_of
from akid.job.objects.volumes import KID_FILE
from akid.job.planner import deadlines
from akid_operator.kube import paths
from akid_operator.kube.api import Api, Json
from akid_operator.kube.errors import ApiError, RewoundError
from akid_operator.work.items import Key, owner_of, uid_of, version_of
from akid_operator.work.store import Record, Store
from akid_operator.work.trials import read_trials

# Objects looked at or made within this time are still there, for all we know.
TRUST = 30.0
# The same for a job whose pod waits for one of them, perhaps.
PATIENCE = deadlines.PATIENCE.total_seconds()


async def what_left(api: Api, store: Store, key: Key) -> None:
    """Read the job and those of its pods that have left the watches."""
    record = store.record(key)
    if record.lost and not await _job(api, store, key) and record.job is not None:
        # The garbage collector takes its pods; those it does not get rid of are in the next lists. A job that was
        # made meanwhile has a record of its own.
        store.trials.gone(record.job)
        if store.record(key) is record:
            store.forget(key)
        return
    record = store.record(key)
    lost = record.pods.lost
    if record.finished and not record.keeps_no_pods:
        # How they ended matters to nobody any more.
        for name, uid in lost:
            record.pod_gone(name, uid)
    else:
        await asyncio.gather(*(_pod(api, store, key, name, uid) for name, uid in lost))


async def _job(api: Api, store: Store, key: Key) -> bool:
    """Read a job that left the watch; whether there is one."""
    with store.record(key).reading_job():
        found = await job(api, store, key)
    if found is not None:
        store.job_seen(found)
    return found is not None


async def job(api: Api, store: Store, key: Key) -> Json | None:
    """The job as it is now.

    Raises:
        RewoundError: if it is older than what is known: a read is never older than what was told before it.
    """
    known = store.record(key).job
    found = await api.find(paths.job(*key))
    if known is not None and found is not None and uid_of(known) == uid_of(found):
        not_rewound(f"job {key.namespace}/{key.name}", version_of(known), version_of(found))
    return found


def not_rewound(what: str, known: int, found: int) -> None:
    """See to it that a version is not lower than one that is known; 0 is none.

    Raises:
        RewoundError: if it is.
    """
    if 0 < found < known:
        raise RewoundError(what, known, found)


async def _pod(api: Api, store: Store, key: Key, name: str, uid: str) -> None:
    """Read a pod that left the watch."""
    with store.record(key).pods.reading(name, uid) as known:
        pod = await api.find(paths.pod(key.namespace, name))
    if pod is not None and known is not None and known.state.uid == uid_of(pod):
        not_rewound(f"pod {key.namespace}/{name}", known.version, version_of(pod))
    if pod is None or owner_of(pod) is None or uid_of(pod) != uid:
        store.record(key).pod_gone(name, uid)
    if pod is not None:
        store.pod_seen(pod)


class Part(Enum):
    """What no watch shows, or not soon enough."""

    JOB = "whether the job that is known is the one there is"
    OBJECTS = "its other objects, and its finished pods"
    GANG = "its PodGroup"
    BOARD = "whether its TensorBoard is ready"
    CLAIMS = "whether its pods can share its claims"


def rests_on(record: Record, decision: Decision, now: float) -> frozenset[Part]:
    """What a plan rests on that has not been seen, or not lately."""
    job = decision.job
    if job is None:
        return frozenset()
    found: set[Part] = set()
    if _takes_strays(record, decision):
        found.add(Part.JOB)
    if _rests_on_objects(record, job, decision.plan, now):
        found.add(Part.OBJECTS)
    in_a_gang = job.spec.scheduling.gang != "none" and job.spec.tune is None
    if in_a_gang and (Part.OBJECTS in found or _rests_on_gang(record, job, decision.plan)):
        found.add(Part.GANG)
    if board_due_in(record, job, now) == 0:
        found.add(Part.BOARD)
    # They are asked for before the first pod of an attempt, last of all: what runs is not ended for a claim.
    if not found and _begins(decision.plan) and not record.pods.running and shared_claims(job):
        found.add(Part.CLAIMS)
    return frozenset(found)


def _takes_strays(record: Record, decision: Decision) -> bool:
    """Whether a plan deletes pods of another job of this name: are they an earlier one's, or the next one's?"""
    own = {state.uid for state in record.pods.of(record.uid)}
    return any(d.kind is ObjectRole.MEMBER and d.uid not in own for d in decision.plan.delete)


def _rests_on_objects(record: Record, job: AkidJob, plan: Plan, now: float) -> bool:
    """Whether objects or finished pods that have not been seen lately count.

    Nothing is read for a job whose plan only writes its status (unless a pod of it is not set up), nor for
    one that is new, unless the status begins another attempt: a pod that is missing may have failed, which must be
    counted. Of a finished job that comes up again (something of it is still there), everything is read.
    """
    if job.spec.tune is not None:
        return not record.complete  # even its counts rest on all trials
    if any(delete.kind is ObjectRole.JOB for delete in plan.delete):
        return False
    status = plan.status or {}
    if not record.complete:
        ends = status.get("state") in ("Succeeded", "Failed")
        renews = status.get("attempt", 0) > job.status.attempt
        return bool(plan.create or plan.delete or ends or renews or record.finished)
    age = now - record.objects.looked_at
    if age >= PATIENCE and any(pod.state.reason == NOT_SET_UP for pod in record.pods.values()):
        return True
    return bool(plan.create) and record.begun and age > TRUST


def _rests_on_gang(record: Record, job: AkidJob, plan: Plan) -> bool:
    """Whether a plan makes something or waits for the job's PodGroup."""
    group = record.gang
    waits = group is not None and not (group.admitted and group.attempt == job.status.attempt)
    return waits or bool(plan.create)


def board_due_in(record: Record, job: AkidJob | None, now: float) -> float | None:
    """Seconds until a job's TensorBoard must be looked at, for no watch tells; None if it need not be."""
    wanted = job is not None and wants_board(job) and ObjectRole.BOARD in record.objects.uids
    return record.board.due_in(now, finished=record.finished) if wanted else None


def _begins(plan: Plan) -> bool:
    return any(create.kind is ObjectRole.MEMBER for create in plan.create)


async def parts(
    api: Api, store: Store, key: Key, wanted: frozenset[Part], job: AkidJob, settings: PodDefaults, now: float
) -> None:
    """Read what is wanted, all of it at once."""
    work = {
        Part.JOB: lambda: _still_there(api, store, key),
        Part.OBJECTS: lambda: _objects(api, store, key, job, settings, now),
        Part.GANG: lambda: _gang(api, store, key, job),
        Part.BOARD: lambda: _board(api, store.record(key), job, settings, now),
        Part.CLAIMS: lambda: _claims(api, store.record(key), job),
    }
    await asyncio.gather(*(work[part]() for part in Part if part in wanted))


async def _still_there(api: Api, store: Store, key: Key) -> None:
    """See whether the job that is known is the one there is: then others of its name were before it."""
    record = store.record(key)
    found = await job(api, store, key)
    if found is not None and uid_of(found) == record.uid:
        store.job_seen(found)
    else:
        record.conflicted()


async def _objects(api: Api, store: Store, key: Key, job: AkidJob, settings: PodDefaults, now: float) -> None:
    """Read the job's other objects, and once its finished pods."""
    record = store.record(key)
    if job.spec.tune is not None:
        await read_trials(api, store.trials, key)
        record.objects_read({}, now)
        return
    kinds = _readable(job, settings)
    found = await asyncio.gather(*(_object(api, job, kind, settings) for kind in kinds))
    if not record.complete:
        async for pod in _pods(api, key):
            store.pod_seen(pod)
    there = zip(kinds, found, strict=True)
    record.objects_read({kind: item for kind, item in there if item is not None}, now)


async def _claims(api: Api, record: Record, job: AkidJob) -> None:
    """See whether the job's pods can share its claims."""
    names = sorted(set(shared_claims(job).values()))
    places = [paths.item("v1", "PersistentVolumeClaim", job.metadata.namespace, name) for name in names]
    found = await asyncio.gather(*(api.find(place) for place in places))
    problem = claim_problem(job, {name: claim for name, claim in zip(names, found, strict=True) if claim})
    if problem:
        record.cannot_share(problem)


async def _board(api: Api, record: Record, job: AkidJob, settings: PodDefaults, now: float) -> None:
    """Read the Deployment of the job's TensorBoard."""
    record.board_read(await _object(api, job, ObjectRole.BOARD, settings), now)


async def _gang(api: Api, store: Store, key: Key, job: AkidJob) -> None:
    """Read the job's PodGroup."""
    scheduler = gang_of(job, store.gangs)
    if scheduler is None or scheduler.api_version not in store.gangs:
        return
    name = object_name(job, ObjectRole.GANG)
    group = await api.find(paths.item(scheduler.api_version, "PodGroup", key.namespace, name))
    mine = group is not None and owner_of(group) == (key.name, job.metadata.uid)
    store.record(key).gang_seen(gang_state(group) if group is not None and mine else None)


def _readable(job: AkidJob, settings: PodDefaults) -> list[ObjectRole]:
    """The kinds of objects a job may have that we may read (its Secret we may not)."""
    volumes = job.spec.volumes
    kinds = [
        *((ObjectRole.CONFIG,) if job.spec.kid else ()),
        *((ObjectRole.SERVICE, ObjectRole.RENDEZVOUS) if job.spec.engine.distributed else ()),
    ]
    kinds += [ObjectRole.DATA_CLAIM] if volumes.data and volumes.data.claim_template else []
    kinds += [ObjectRole.LOG_CLAIM] if volumes.log and volumes.log.claim_template else []
    kinds += [ObjectRole.POLICY] if settings.status_peers is not None else []
    if wants_board(job) or job.status.tensorboard is not None:
        kinds += [*BOARD, *([ObjectRole.BOARD_POLICY] if settings.status_peers is not None else [])]
    return kinds


async def _object(api: Api, job: AkidJob, kind: ObjectRole, settings: PodDefaults) -> Json | None:
    """One of the job's objects, if it is there and is what we made."""
    namespace = job.metadata.namespace
    try:
        found = await api.find(paths.item(*type_of(job, kind), namespace, object_name(job, kind)))
    except ApiError as error:
        if kind not in PARTS or error.status != 403:
            raise
        return None  # without the right to a TensorBoard the job goes on; making it tells why
    wanted = manifest(job, Create(kind, job.status.attempt), settings, place_of(job))
    return found if found is not None and ours(found, wanted) else None


def ours(found: Json, wanted: Json) -> bool:
    """Whether an object that is there is the one we would make: same owner, and in a ConfigMap the same kid.

    It may have been made by an operator of another version: a byte that differs makes it nobody else's.
    """
    if owner_of(found) != owner_of(wanted):
        return False
    return wanted["kind"] != "ConfigMap" or same_kid(_kid_file(found), _kid_file(wanted))


def _kid_file(config_map: Json) -> str:
    data: Json = config_map.get("data") or {}
    return str(data.get(KID_FILE, ""))


async def _pods(api: Api, key: Key) -> AsyncIterator[Json]:
    path = paths.collection("v1", "Pod", key.namespace)
    async for page in api.pages(path, labels=f"{JOB_LABEL}={key.name}"):
        for pod in page["items"]:
            yield pod
