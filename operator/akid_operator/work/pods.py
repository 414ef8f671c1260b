"""The pods of one job's name, and what happens to them.

A pod that has left the watch is lost: it must be read before it is judged, since leaving can mean that it is gone,
or that it finished. Only a GET that is asked for after that finds it again: answers to writes and pages of lists
may be older than the news they come after.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from akid.job import MemberState, Phase, member_state
from akid.job.objects.reported import Endpoint, reports, status_endpoint
from akid_operator.kube.api import Json
from akid_operator.work.items import uid_of, version_of
from akid_operator.work.urgency import Urgency, weight


@dataclass
class Pod:
    """A pod of a job.

    Args:
        state: as the planner sees it.
        owner: UID of the job it belongs to.
        version: its resourceVersion.
        lost: whether it must be read before it is judged.
        endpoint: where it serves `/status`, if it is a chief that does.
        reports: whether it is a chief that says how far its job is.
    """

    state: MemberState
    owner: str
    version: int
    lost: bool = False
    endpoint: Endpoint | None = None
    reports: bool = False


class Pods(Mapping[str, Pod]):
    """Pods by name, finished ones too."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}

    def __getitem__(self, name: str) -> Pod:
        """A pod of this name."""
        return self._pods[name]

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._pods)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pods)

    @property
    def lost(self) -> list[tuple[str, str]]:
        """(name, UID) of each one that must be read."""
        return [(name, pod.state.uid) for name, pod in self._pods.items() if pod.lost]

    @property
    def live(self) -> bool:
        """Whether there are some that run, or that a deletion left half way: no watch tells of those."""
        return any(not pod.state.stopped or pod.state.half_deleted for pod in self._pods.values())

    @property
    def running(self) -> bool:
        """Whether there are some that have not stopped."""
        return any(not pod.state.stopped for pod in self._pods.values())

    def of(self, owner: str) -> tuple[MemberState, ...]:
        """The states of those that are the job's with this UID."""
        return tuple(pod.state for pod in self._pods.values() if pod.owner == owner)

    def not_of(self, owner: str) -> tuple[MemberState, ...]:
        """The states of those that are not."""
        return tuple(pod.state for pod in self._pods.values() if pod.owner != owner)

    def seen(self, pod: Json, owner: str) -> Urgency:
        """A pod as it is, or was a moment ago."""
        reporting = reports(pod)
        new = Pod(member_state(pod), owner, version_of(pod), reports=reporting)
        old = self._pods.get(new.state.name)
        if old is not None and old.version >= new.version:
            return Urgency.NONE
        new.lost = old is not None and old.lost and old.state.uid == new.state.uid
        new.endpoint = status_endpoint(pod) if reporting else None
        self._pods[new.state.name] = new
        return weight(old.state if old and not old.lost else None, new.state)

    def left(self, pod: Json) -> Urgency:
        """One left the watch: it finished or is gone."""
        known = self._find(pod["metadata"]["name"], uid_of(pod))
        if known is None or known.version > version_of(pod):
            return Urgency.NONE
        known.lost = True
        return Urgency.LEFT

    def listed(self, uids: set[str], version: int) -> bool:
        """These ran at a version; whether others must be read, since they are not among them."""
        missing = [
            pod
            for pod in self._pods.values()
            if not pod.state.stopped and not pod.lost and pod.state.uid not in uids and pod.version <= version
        ]
        for pod in missing:
            pod.lost = True
        return bool(missing)

    @contextmanager
    def reading(self, name: str, uid: str) -> Generator[Pod | None]:
        """One is read: what is told from here on may be newer than the answer."""
        self._mark(name, uid, lost=False)
        try:
            yield self._pods.get(name)
        except BaseException:
            self._mark(name, uid, lost=True)
            raise

    def deleted(self, name: str, uid: str) -> None:
        """The server deletes one. The watch tells when it is gone, but for a finished one: that must be read."""
        known = self._find(name, uid)
        if known is not None and known.state.stopped:
            known.lost = True

    def go_unseen(self, owner: str) -> list[datetime | None]:
        """Have those read again of which no watch tells when they are gone; when they should be.

        Args:
            owner: the UID of the job there is.
        """
        due: list[datetime | None] = []
        for pod in self._pods.values():
            unseen = pod.state.stopped or pod.state.member is None
            if unseen and (pod.state.terminating or pod.owner != owner):
                pod.lost = True
                due.append(pod.state.deletion_due)
        return due

    def gone(self, name: str, uid: str, *, keep_done_of: str = "") -> None:
        """One is not there any more; of the job with this UID, those that were done are kept."""
        known = self._find(name, uid)
        if known is None:
            return
        known.lost = False
        if known.state.phase is not Phase.SUCCEEDED or known.owner != keep_done_of:
            del self._pods[name]

    def _find(self, name: str, uid: str) -> Pod | None:
        known = self._pods.get(name)
        return known if known is not None and known.state.uid == uid else None

    def _mark(self, name: str, uid: str, *, lost: bool) -> None:
        known = self._find(name, uid)
        if known is not None:
            known.lost = lost
