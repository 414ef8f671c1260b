"""What is known of every job that is not finished: the job, its pods, its objects. No requests, no decisions.

The watches, the LISTs and the answers to our own writes all end here, so that what was written is known before
the watch tells it. What has left a watch is marked as lost: it must be read before it is judged, since leaving
can mean that it is gone, or that it finished. Only a GET that is asked for after that clears the mark: answers to
writes and pages of lists may be older than the news they come after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from akid.job import CreateFailure, GangState, MemberState, ObjectRole, Observed, Phase, member_state
from akid.job.api.status import Progress
from akid.job.objects.reported import Endpoint, progress_of, reports, status_endpoint
from akid.job.objects.services_and_config import CHANGING
from akid.job.planner.refusals import at_once, refused_again
from akid_operator.kube.api import Json
from akid_operator.work.items import Key, content_of, key_of, owner_of, slim, uid_of, version_of
from akid_operator.work.trials import Trials

NO_TRUST = float("-inf")
# Jobs that were over, whose late news are ignored.
REMEMBERED = 20_000


class Urgency(IntEnum):
    """How soon something new must be looked at."""

    NONE = 0
    SOON = 1
    LEFT = 2  # a pod left the watch; its peers often do so in the same moment
    NOW = 3


@dataclass
class Pod:
    """A pod of a job.

    Args:
        state: as the planner sees it.
        owner: UID of the job it belongs to.
        version: its resourceVersion.
        lost: whether it must be read before it is judged.
        endpoint: where it serves `/status`, if it is a chief that does.
    """

    state: MemberState
    owner: str
    version: int
    lost: bool = False
    endpoint: Endpoint | None = None


@dataclass
class Record:
    """What is known of one job.

    Args:
        job: as last read, None if unknown.
        lost: whether the job must be read.
        pods: its pods by name, finished ones too.
        objects: UIDs of its other objects by kind.
        contents: hashes of what those that may have to change were made from.
        looked_at: when its objects were last looked at or made, on the steady clock.
        complete: whether its finished pods, which no watch shows, are known too.
        gang: its PodGroup.
        create_failures: what the server refused to create.
        status_written: when its status was written, on the steady clock.
        waits_since: since when its status waits to be written, on the steady clock.
        progress: what its chief reported last.
    """

    job: Json | None = None
    lost: bool = True
    pods: dict[str, Pod] = field(default_factory=dict[str, Pod])
    objects: dict[ObjectRole, str] = field(default_factory=dict[ObjectRole, str])
    contents: dict[ObjectRole, str] = field(default_factory=dict[ObjectRole, str])
    looked_at: float = NO_TRUST
    complete: bool = False
    gang: GangState | None = None
    create_failures: tuple[CreateFailure, ...] = ()
    status_written: float = NO_TRUST
    waits_since: float | None = None
    progress: Progress | None = None

    @property
    def uid(self) -> str:
        """The job's UID; empty if it is unknown."""
        return uid_of(self.job) if self.job else ""

    def object_seen(self, kind: ObjectRole, item: Mapping[str, Any]) -> None:
        """One of its objects, as it is."""
        self.objects[kind] = uid_of(item)
        if kind in CHANGING:
            self.contents[kind] = content_of(item)

    def refused(self, failure: CreateFailure, now: datetime, retry_after: float) -> None:
        """Something of it was not made; the server may ask for so many seconds."""
        self.create_failures = (refused_again(self.create_failures, failure, now, retry_after),)

    def made(self, now: float) -> bool:
        """All that was asked for was made; whether something had been refused before."""
        known, self.create_failures = self.create_failures, ()
        self.looked_at = now
        return bool(known)

    def job_seen(self, job: Json) -> None:
        """The same job, later. Where its spec has changed, what was refused may be taken now."""
        if self.job is not None and self.job["metadata"].get("generation") != job["metadata"].get("generation"):
            self.create_failures = at_once(self.create_failures)
        self.job = job

    @property
    def finished(self) -> bool:
        """Whether the job has succeeded or failed."""
        return self.job is not None and self.job.get("status", {}).get("state") in ("Succeeded", "Failed")


class Store:
    """All records. Every method that takes in news says how urgent they are.

    Attributes:
        on_chief: called with a job, and the name and UID of its chief that runs and can be asked for its progress.
        trials: of the jobs that are tuned.
    """

    def __init__(self) -> None:
        self.on_chief: Callable[[Key, str, str], None] = lambda key, name, uid: None
        self.trials = Trials()
        self._records: dict[Key, Record] = {}
        self._ended: dict[str, int] = {}
        self._expiring: set[Key] = set()
        self.gangs: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[tuple[Key, Record]]:
        return iter(list(self._records.items()))

    def __len__(self) -> int:
        return len(self._records)

    def record(self, key: Key) -> Record:
        """The record of a job; an empty one if there was none."""
        return self._records.setdefault(key, Record())

    def find(self, key: Key) -> Record | None:
        """The record of a job, if there is one."""
        return self._records.get(key)

    def knows(self, key: Key) -> bool:
        """Whether there may be something to do for a job: news that came in its last moments are no work."""
        return key in self._records or key in self._expiring

    def expect(self, key: Key) -> None:
        """A finished job will have to be deleted."""
        self._expiring.add(key)

    def forget(self, key: Key) -> None:
        """Drop what is known of a job. Late news of one that was over is not taken for a new job."""
        self._expiring.discard(key)
        record = self._records.pop(key, None)
        if record is not None and record.job is not None:
            self.trials.forget(record.uid)
            self._ended[record.uid] = version_of(record.job)
            while len(self._ended) > REMEMBERED:
                del self._ended[next(iter(self._ended))]

    def observed(self, key: Key) -> Observed:
        """What there is of a job, for the planner. Pods of an earlier job of that name are not its own."""
        record = self.record(key)
        pods = record.pods.values()
        return Observed(
            members=tuple(pod.state for pod in pods if pod.owner == record.uid),
            strays=tuple(pod.state for pod in pods if pod.owner != record.uid),
            objects=dict(record.objects),
            contents=dict(record.contents),
            gang=record.gang,
            gangs=self.gangs,
            create_failures=record.create_failures,
            progress=record.progress,
            trials=self.trials.of(record.uid),
        )

    # -- jobs

    def job_seen(self, job: Json) -> Urgency:
        """A job as it is, or was a moment ago."""
        key, job = key_of(job), slim(job)
        if version_of(job) < self._ended.get(uid_of(job), 0):
            return Urgency.NONE
        self.trials.seen(job)
        record = self.record(key)
        old = record.job
        if old is not None and uid_of(old) == uid_of(job):
            if version_of(job) <= version_of(old):
                return Urgency.NONE
            record.job_seen(job)
            return Urgency.NOW
        if old is not None and version_of(job) < version_of(old):
            return Urgency.NONE
        fresh = Record(job=job, lost=False, pods=record.pods)
        # Nothing is made before the first status is written: of a new job, all is known.
        fresh.complete = not job.get("status")
        self._records[key] = fresh
        return Urgency.NOW

    def job_left(self, job: Json) -> Urgency:
        """A job left the watch: it finished or is gone."""
        key = key_of(job)
        record = self._records.get(key)
        if record is None or (record.uid and record.uid != uid_of(job)):
            return Urgency.NONE
        if record.finished and not job.get("metadata", {}).get("deletionTimestamp"):
            return Urgency.NONE
        record.lost = True
        return Urgency.NOW

    # -- pods

    def pod_seen(self, pod: Json, *, listed: bool = False) -> Urgency:
        """A pod as it is, or was a moment ago.

        News of a job that is forgotten are of its last moments; a pod that is `listed` is there all the same.
        """
        owner = owner_of(pod)
        if owner is None:
            return Urgency.NONE
        key = Key(pod["metadata"]["namespace"], owner[0])
        if key not in self._records and owner[1] in self._ended and not listed:
            return Urgency.NONE
        pods = self.record(key).pods
        new = Pod(member_state(pod), owner[1], version_of(pod))
        old = pods.get(new.state.name)
        if old is not None and old.version >= new.version:
            return Urgency.NONE
        new.lost = old is not None and old.lost and old.state.uid == new.state.uid
        pods[new.state.name] = new
        if reports(pod):
            new.endpoint = status_endpoint(pod)
            self._chief_seen(key, new)
        return weight(old.state if old and not old.lost else None, new.state)

    def _chief_seen(self, key: Key, chief: Pod) -> None:
        """One that is done said how far it came; one that runs can be asked."""
        record, state = self.record(key), chief.state
        if state.phase is Phase.SUCCEEDED and chief.owner == record.uid:
            record.progress = progress_of(state.message) or record.progress
        elif state.phase is Phase.RUNNING and chief.endpoint is not None:
            self.on_chief(key, state.name, state.uid)

    def pod_left(self, pod: Json) -> Urgency:
        """A pod left the watch: it finished or is gone."""
        owner = owner_of(pod)
        if owner is None:
            return Urgency.NONE
        record = self._records.get(Key(pod["metadata"]["namespace"], owner[0]))
        known = record.pods.get(pod["metadata"]["name"]) if record else None
        if known is None or known.state.uid != uid_of(pod) or known.version > version_of(pod):
            return Urgency.NONE
        known.lost = True
        return Urgency.LEFT

    def pod_lost(self, key: Key, name: str, uid: str, lost: bool = True) -> None:
        """Whether a pod must be read before it is judged."""
        known = self.record(key).pods.get(name)
        if known is not None and known.state.uid == uid:
            known.lost = lost

    def pod_gone(self, key: Key, name: str, uid: str) -> None:
        """A pod is not there any more. One that was done is kept until its job's status says so."""
        record = self.record(key)
        known = record.pods.get(name)
        if known is None or known.state.uid != uid:
            return
        known.lost = False
        done = known.state.phase is Phase.SUCCEEDED and known.owner == record.uid
        if not done or record.waits_since is None:
            del record.pods[name]

    # -- whole lists

    def jobs_listed(self, listed: Iterable[Key], namespaces: frozenset[str], version: int) -> list[Key]:
        """The unfinished jobs there were at a version: those known that are not among them are lost."""
        there = set(listed)
        result: list[Key] = []
        for key, record in self:
            if key in there or record.finished or not _within(key.namespace, namespaces):
                continue
            if record.job is None or version_of(record.job) <= version:
                record.lost = True
                result.append(key)
        return result

    def pods_listed(self, uids: set[str], namespaces: frozenset[str], version: int) -> list[Key]:
        """The unfinished pods there were at a version: those known that are not among them are lost."""
        result: list[Key] = []
        for key, record in self:
            if not _within(key.namespace, namespaces):
                continue
            for pod in record.pods.values():
                if not pod.state.stopped and not pod.lost and pod.state.uid not in uids and pod.version <= version:
                    pod.lost = True
                    result.append(key)
        return result


def weight(old: MemberState | None, new: MemberState) -> Urgency:
    """How soon a change of a pod must be looked at: losses at once, progress together with more of it."""
    if old is None:
        return Urgency.NOW if new.terminal else Urgency.SOON
    if old == new:
        return Urgency.NONE
    urgent = (
        new.uid != old.uid or (new.phase is not old.phase and new.terminal) or new.terminating != old.terminating
    )
    return Urgency.NOW if urgent or new.disrupted else Urgency.SOON


def _within(namespace: str, namespaces: frozenset[str]) -> bool:
    return not namespaces or namespace in namespaces
