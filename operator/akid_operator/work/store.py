"""What is known of every job that is not finished. No requests, no decisions.

The watches, the LISTs and the answers to our own writes all end here, so that what was written is known before
the watch tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from akid.job import Phase
from akid_operator.kube.api import Json
from akid_operator.work.items import Key, key_of, owner_of, slim, uid_of, version_of
from akid_operator.work.record import Record
from akid_operator.work.trials import Trials
from akid_operator.work.urgency import Urgency

# Jobs that were over, whose late news are ignored.
REMEMBERED = 20_000


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
            self._ended[record.uid] = record.version
            while len(self._ended) > REMEMBERED:
                del self._ended[next(iter(self._ended))]

    # -- jobs

    def job_seen(self, job: Json) -> Urgency:
        """A job as it is, or was a moment ago."""
        key, job = key_of(job), slim(job)
        if version_of(job) < self._ended.get(uid_of(job), 0):
            return Urgency.NONE
        self.trials.seen(job)
        record = self.record(key)
        if record.uid == uid_of(job):
            return record.job_seen(job)
        if version_of(job) < record.version:
            return Urgency.NONE
        self._records[key] = record.followed_by(job)
        return Urgency.NOW

    def job_left(self, job: Json) -> Urgency:
        """A job left the watch: it finished or is gone."""
        record = self._records.get(key_of(job))
        return Urgency.NONE if record is None else record.job_left(job)

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
        record = self.record(key)
        news = record.pod_seen(pod, owner[1])
        known = record.pods[pod["metadata"]["name"]]
        if known.endpoint is not None and known.state.phase is Phase.RUNNING:
            self.on_chief(key, known.state.name, known.state.uid)
        return news

    def pod_left(self, pod: Json) -> Urgency:
        """A pod left the watch: it finished or is gone."""
        owner = owner_of(pod)
        record = self._records.get(Key(pod["metadata"]["namespace"], owner[0])) if owner is not None else None
        return Urgency.NONE if record is None else record.pods.left(pod)

    # -- whole lists

    def jobs_listed(self, listed: Iterable[Key], namespaces: frozenset[str], version: int) -> list[Key]:
        """The unfinished jobs there were at a version: those known that are not among them are lost."""
        there = set(listed)
        others = ((key, record) for key, record in self if key not in there and _within(key.namespace, namespaces))
        return [key for key, record in others if record.job_not_listed(version)]

    def pods_listed(self, uids: set[str], namespaces: frozenset[str], version: int) -> list[Key]:
        """The unfinished pods there were at a version: those known that are not among them are lost."""
        there = ((key, record) for key, record in self if _within(key.namespace, namespaces))
        return [key for key, record in there if record.pods.listed(uids, version)]


def _within(namespace: str, namespaces: frozenset[str]) -> bool:
    return not namespaces or namespace in namespaces
