"""What there is, by LIST: at the start and every few minutes, whatever the watches say or fail to say."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from akid.job.api.base import parse_time
from akid.job.api.job import API_VERSION
from akid.job.gang import GANGS
from akid.job.names import JOB_LABEL, MANAGER
from akid_operator.kube import paths
from akid_operator.kube.api import Api, Json
from akid_operator.kube.errors import ApiError
from akid_operator.work.boards import board_seconds_left, board_service
from akid_operator.work.items import Key, key_of, owner_of, uid_of, version_of
from akid_operator.work.read import not_rewound
from akid_operator.work.store import Store
from akid_operator.work.urgency import Urgency

logger = logging.getLogger(__name__)

INTERVAL = 300.0
# Finished jobs and pods are in no list and no watch, but for jobs that expire, or that keep no pods.
LIVE_JOBS = "status.state!=Succeeded,status.state!=Failed"
LIVE_PODS = "status.phase!=Succeeded,status.phase!=Failed"
FINISHED_JOBS = ("status.state=Succeeded", "status.state=Failed")
FINISHED_PODS = "status.phase!=Pending,status.phase!=Running"
HAS_TTL = "spec.runPolicy.ttlSecondsAfterFinished!="
HAS_BOARD = "spec.tensorboard.enabled=true"
KEEPS_NO_PODS = "spec.runPolicy.cleanPodPolicy=All"
MANAGED = f"app.kubernetes.io/managed-by={MANAGER}"
# Finished jobs are listed in one of so many resyncs, once an hour: this leader knows those it saw finish. The
# lists add what another leader left, and finished jobs that are given a ttlSecondsAfterFinished.
FINISHED_EVERY = 12
# Every job that is not finished is looked at anew, news or not, so many a second: a look costs about 0.2 ms.
LOOKS_A_SECOND = 200.0


class Resync:
    """Compares the store with the server.

    Args:
        api: the API server.
        store: what is known.
        namespaces: the namespaces to look at; empty for all.
        mark: called with each key that has to be looked at.
        later: called with each finished job and the seconds until it expires.
        look: called with each unfinished job of which there is nothing new, and seconds.
    """

    def __init__(
        self,
        api: Api,
        store: Store,
        namespaces: frozenset[str],
        mark: Callable[[Key, Urgency], None],
        later: Callable[[Key, float], None],
        look: Callable[[Key, float], None],
    ) -> None:
        self._api = api
        self._store = store
        self._namespaces = namespaces
        self._mark = mark
        self._later = later
        self._look = look
        self._versions: dict[str, int] = {}
        self._rounds = 0

    async def run(self) -> int:
        """Read all lists once; the number of keys that the watches had not told of."""
        self._store.gangs = await self._gangs()
        marked = 0
        for namespace in sorted(self._namespaces) or [None]:
            marked += await self._jobs(namespace)
            marked += await self._pods(namespace)
            marked += await self._services(namespace)
            if self._rounds % FINISHED_EVERY == 0:
                await self._expiring(namespace)
                marked += await self._kept(namespace)
        self._rounds += 1
        return marked

    async def _jobs(self, namespace: str | None) -> int:
        listed: list[Key] = []
        told, version = 0, 0
        async for page in self._list(API_VERSION, "AkidJob", namespace, fields=LIVE_JOBS):
            version = version or self._version_of("AkidJobs", page)
            for job in page["items"]:
                listed.append(key_of(job))
                news = self._store.job_seen(job)
                told += self._tell(listed[-1], news)
                if news is Urgency.NONE:
                    self._look(listed[-1], len(listed) / LOOKS_A_SECOND)
        lost = self._store.jobs_listed(listed, self._scope(namespace), version)
        return told + sum(self._tell(key, Urgency.NOW) for key in lost)

    async def _pods(self, namespace: str | None) -> int:
        uids: set[str] = set()
        told, version = 0, 0
        async for page in self._list("v1", "Pod", namespace, labels=JOB_LABEL, fields=LIVE_PODS):
            version = version or self._version_of("Pods", page)
            for pod in page["items"]:
                owner = owner_of(pod)
                if owner is not None:
                    uids.add(uid_of(pod))
                    key = Key(pod["metadata"]["namespace"], owner[0])
                    told += self._tell(key, self._store.pod_seen(pod, listed=True))
        lost = self._store.pods_listed(uids, self._scope(namespace), version)
        return told + sum(self._tell(key, Urgency.NOW) for key in lost)

    async def _services(self, namespace: str | None) -> int:
        """Services that are gone from live jobs, and such as finished jobs left behind."""
        found: dict[Key, dict[str, str]] = {}
        async for page in self._list("v1", "Service", namespace, labels=MANAGED, metadata_only=True):
            for service in page["items"]:
                owner = owner_of(service)
                if owner is not None:
                    metadata = service["metadata"]
                    found.setdefault(Key(metadata["namespace"], owner[0]), {})[metadata["name"]] = uid_of(service)
        told = 0
        for key, record in self._store:
            if namespace not in (None, key.namespace):
                continue
            services = found.get(key, {})
            record.presume_objects(services)
            if record.objects.services_listed(set(services.values()), time.monotonic()):
                told += self._tell(key, Urgency.NOW)
        known = {key for key, _ in self._store}
        left = {key for key in found if key not in known}
        boards = {key for key in left if set(found[key]) == {board_service(key.name)}}
        left -= await self._kept_boards(namespace, boards)
        return told + sum(self._tell(key, Urgency.NOW) for key in left)

    async def _kept_boards(self, namespace: str | None, left: set[Key]) -> set[Key]:
        """Finished jobs that still want the TensorBoard they have; when its time comes it is taken away."""
        kept: set[Key] = set()
        if left:
            async for job in self._finished(namespace, HAS_BOARD):
                if key_of(job) in left:
                    kept.add(key_of(job))
                    if (seconds := board_seconds_left(job, self._api.clock())) is not None:
                        self._later(key_of(job), seconds)
        return kept

    async def _expiring(self, namespace: str | None) -> None:
        """Finished jobs that are to be deleted some day."""
        async for job in self._finished(namespace, HAS_TTL):
            self._later(key_of(job), seconds_left(job, self._api.clock()))

    async def _kept(self, namespace: str | None) -> int:
        """Finished pods that should have been deleted with their job's end, had nobody died just then."""
        finished = {key_of(job) async for job in self._finished(namespace, KEEPS_NO_PODS, metadata_only=True)}
        owners: set[Key] = set()
        if finished:
            fields = FINISHED_PODS
            async for page in self._list(
                "v1", "Pod", namespace, labels=JOB_LABEL, fields=fields, metadata_only=True
            ):
                named = ((pod["metadata"]["namespace"], owner_of(pod)) for pod in page["items"])
                owners |= {Key(where, owner[0]) for where, owner in named if owner is not None}
        return sum(self._tell(key, Urgency.NOW) for key in finished & owners)

    async def _finished(
        self, namespace: str | None, fields: str, *, metadata_only: bool = False
    ) -> AsyncIterator[Json]:
        """Finished jobs of a kind; none where the CRD is of a version that cannot tell them apart."""
        for state in FINISHED_JOBS:
            pages = self._list(
                API_VERSION, "AkidJob", namespace, fields=f"{state},{fields}", metadata_only=metadata_only
            )
            try:
                async for page in pages:
                    for job in page["items"]:
                        yield job
            except ApiError as error:
                if error.status != 400:
                    raise
                logger.warning("apply crds/akidjobs.akid.dev.yaml: %s", error)
                return

    async def _gangs(self) -> frozenset[str]:
        """The apiVersions of PodGroups that the server knows."""
        served: set[str] = set()
        for gang in GANGS:
            try:
                answer = await self._api.find(f"/apis/{gang.api_version}")
            except ApiError as error:
                logger.warning("cannot tell whether %s is served: %s", gang.api_version, error)
                continue
            if answer and any(resource["name"] == "podgroups" for resource in answer.get("resources", [])):
                served.add(gang.api_version)
        return frozenset(served)

    def _version_of(self, kind: str, page: Json) -> int:
        """A list's version, which is never lower than that of the list before."""
        version = version_of(page)
        not_rewound(f"list of {kind}", self._versions.get(kind, 0), version)
        self._versions[kind] = version
        return version

    def _tell(self, key: Key, news: Urgency) -> int:
        if news is Urgency.NONE:
            return 0
        self._mark(key, news)
        return 1

    def _scope(self, namespace: str | None) -> frozenset[str]:
        return frozenset() if namespace is None else frozenset({namespace})

    def _list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Json]:
        path = paths.collection(api_version, kind, namespace)
        return self._api.pages(path, labels=labels, fields=fields, metadata_only=metadata_only)


def seconds_left(job: Json, now: datetime) -> float:
    """Seconds until a finished job expires."""
    ended = parse_time(job.get("status", {}).get("completionTime"))
    lives = job["spec"]["runPolicy"]["ttlSecondsAfterFinished"]
    return max(0.0, lives - (now - ended).total_seconds()) if isinstance(ended, datetime) else 0.0
