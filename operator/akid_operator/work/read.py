"""Reading what the watches do not show: what has left them, a job's other objects, its finished pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from akid.job import AkidJob, Decision, GangState, ObjectRole, gang_state
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
from akid_operator.kube.errors import RewoundError
from akid_operator.work.items import Key, owner_of, uid_of, version_of
from akid_operator.work.store import Record, Store
from akid_operator.work.trials import read_trials

# Objects looked at or made within this time are still there, for all we know.
TRUST = 30.0
# The same for a job whose pod waits for one of them, perhaps.
PATIENCE = deadlines.PATIENCE.total_seconds()


async def missing_parts(api: Api, store: Store, key: Key) -> None:
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
    lost = [(name, pod.state.uid) for name, pod in record.pods.items() if pod.lost]
    if record.finished and not _goes_too(record):
        # How they ended matters to nobody any more.
        for name, uid in lost:
            store.pod_gone(key, name, uid)
    else:
        await asyncio.gather(*(_pod(api, store, key, name, uid) for name, uid in lost))


def _goes_too(record: Record) -> bool:
    """Whether a pod that has ended is deleted when its job has finished."""
    policy = (record.job or {}).get("spec", {}).get("runPolicy", {})
    return policy.get("cleanPodPolicy") == "All"


async def _job(api: Api, store: Store, key: Key) -> bool:
    """Read a job that left the watch; whether there is one."""
    record = store.record(key)
    record.lost = False  # What is told from here on may be newer than the answer.
    try:
        found = await job(api, store, key)
    except BaseException:
        record.lost = True
        raise
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


async def still_there(api: Api, store: Store, key: Key) -> bool:
    """Whether the job that is known is the one there is: then pods of another of its name are an earlier one's."""
    record = store.record(key)
    found = await job(api, store, key)
    if found is not None and uid_of(found) == record.uid:
        store.job_seen(found)
        return True
    record.lost = True
    return False


async def _pod(api: Api, store: Store, key: Key, name: str, uid: str) -> None:
    """Read a pod that left the watch."""
    known = store.record(key).pods.get(name)
    store.pod_lost(key, name, uid, lost=False)  # What is told from here on may be newer than the answer.
    try:
        pod = await api.find(paths.pod(key.namespace, name))
    except BaseException:
        store.pod_lost(key, name, uid)
        raise
    if pod is not None and known is not None and known.state.uid == uid_of(pod):
        not_rewound(f"pod {key.namespace}/{name}", known.version, version_of(pod))
    if pod is None or owner_of(pod) is None or uid_of(pod) != uid:
        store.pod_gone(key, name, uid)
    if pod is not None:
        store.pod_seen(pod)


def must_look(record: Record, decision: Decision, now: float) -> bool:
    """Whether a plan rests on things that have not been seen, or not lately.

    Nothing is read for a job whose plan only writes its status (unless a pod of it is not set up), nor for
    one that is new, unless the status begins another attempt: a pod that is missing may have failed, which must be
    counted. Of a finished job that comes up again (something of it is still there), everything is read.
    """
    plan = decision.plan
    if decision.job is not None and decision.job.spec.tune is not None:
        return not record.complete  # even its counts rest on all trials
    expires = any(delete.kind is ObjectRole.JOB for delete in plan.delete)
    if decision.job is None or record.job is None or expires:
        return False
    status = plan.status or {}
    ends = status.get("state") in ("Succeeded", "Failed")
    renews = status.get("attempt", 0) > decision.job.status.attempt
    if not record.complete:
        return bool(plan.create or plan.delete or ends or renews or record.finished)
    if any(pod.state.reason == NOT_SET_UP for pod in record.pods.values()) and now - record.looked_at >= PATIENCE:
        return True
    is_new = not record.job.get("status")
    return bool(plan.create) and not is_new and now - record.looked_at > TRUST


async def objects(api: Api, store: Store, key: Key, job: AkidJob, settings: PodDefaults, now: float) -> None:
    """Read the job's other objects, and once its finished pods."""
    record = store.record(key)
    if job.spec.tune is not None:
        await read_trials(api, store.trials, key)
        record.complete, record.looked_at = True, now
        return
    kinds = _readable(job, settings)
    found = await asyncio.gather(*(_object(api, job, kind, settings) for kind in kinds))
    if not record.complete:
        async for pod in _pods(api, key):
            store.pod_seen(pod)
    record.objects.clear()
    for kind, item in zip(kinds, found, strict=True):
        if item is not None:
            record.object_seen(kind, item)
    record.complete, record.looked_at = True, now
    await gang(api, store, key, job)


async def problem_of_claims(api: Api, record: Record, decision: Decision) -> str:
    """Why the pods that are about to be made cannot share the job's claims; empty if they can.

    It is asked before the first pod of an attempt: what runs is not ended for a claim.
    """
    job = decision.job
    begins = any(create.kind is ObjectRole.MEMBER for create in decision.plan.create)
    if job is None or not begins or any(not pod.state.stopped for pod in record.pods.values()):
        return ""
    names = sorted(set(shared_claims(job).values()))
    places = [paths.item("v1", "PersistentVolumeClaim", job.metadata.namespace, name) for name in names]
    found = await asyncio.gather(*(api.find(place) for place in places))
    return claim_problem(job, {name: claim for name, claim in zip(names, found, strict=True) if claim})


def must_look_at_gang(record: Record, decision: Decision) -> bool:
    """Whether a plan makes something or waits for the job's PodGroup, of which there is no watch."""
    job, group = decision.job, record.gang
    if job is None or job.spec.scheduling.gang == "none" or job.spec.tune is not None:
        return False
    waits = group is not None and not (group.admitted and group.attempt == job.status.attempt)
    return waits or bool(decision.plan.create)


async def gang(api: Api, store: Store, key: Key, job: AkidJob) -> None:
    """Read the job's PodGroup."""
    scheduler = gang_of(job)
    if scheduler is None or scheduler.name not in store.gangs:
        return
    group = await api.find(
        paths.item(*type_of(job, ObjectRole.GANG), key.namespace, object_name(job, ObjectRole.GANG))
    )
    mine = group is not None and owner_of(group) == (key.name, job.metadata.uid)
    state: GangState | None = gang_state(group) if group is not None and mine else None
    store.record(key).gang = state


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
    return kinds


async def _object(api: Api, job: AkidJob, kind: ObjectRole, settings: PodDefaults) -> Json | None:
    """One of the job's objects, if it is there and is what we made."""
    namespace = job.metadata.namespace
    found = await api.find(paths.item(*type_of(job, kind), namespace, object_name(job, kind)))
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
