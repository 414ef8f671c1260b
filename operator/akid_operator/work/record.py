"""What is known of one job, and what happens to it. Nothing else changes what is known."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from akid.job import CreateFailure, CreateFailureReason, GangState, ObjectRole, Observed
from akid.job.api.status import Progress
from akid.job.members import Member
from akid.job.objects.reported import progress_of, stands_still
from akid.job.planner.conditions import COUNTS
from akid.job.planner.refusals import at_once, refused_again
from akid.job.trials import TrialState
from akid_operator.kube.api import Json
from akid_operator.work.boards import Board
from akid_operator.work.items import uid_of, version_of
from akid_operator.work.objects import Objects
from akid_operator.work.pods import Pods
from akid_operator.work.urgency import Urgency

NEVER_WRITTEN = float("-inf")
# So many questions in a row that are not answered are silence.
UNANSWERED = 2


@dataclass
class Record:
    """What is known of one job.

    Args:
        job: as last read, None if unknown.
        lost: whether the job must be read: it left the watch, or somebody else changed it.
        pods: the pods of its name.
        objects: its other objects.
        complete: whether its finished pods, which no watch shows, are known too.
        gang: its PodGroup.
        create_failures: what the server refused to create.
        status_written: when its status was written, on the steady clock.
        waits_since: since when its status waits to be written, on the steady clock.
        progress: what its chief reported last.
        silent: members that its chief does not hear; its chief, if it does not answer.
        unanswered: questions in a row that its chief, whose node does not answer, did not answer either.
        board: its TensorBoard.
    """

    job: Json | None = None
    lost: bool = True
    pods: Pods = field(default_factory=Pods)
    objects: Objects = field(default_factory=Objects)
    complete: bool = False
    gang: GangState | None = None
    create_failures: tuple[CreateFailure, ...] = ()
    status_written: float = NEVER_WRITTEN
    waits_since: float | None = None
    progress: Progress | None = None
    silent: frozenset[Member] = frozenset()
    unanswered: int = 0
    board: Board = field(default_factory=Board)

    # -- what it says

    @property
    def uid(self) -> str:
        """The job's UID; empty if it is unknown."""
        return uid_of(self.job) if self.job else ""

    @property
    def version(self) -> int:
        """The job's resourceVersion; 0 if it is unknown."""
        return version_of(self.job) if self.job else 0

    @property
    def begun(self) -> bool:
        """Whether the job has a status."""
        return bool((self.job or {}).get("status"))

    @property
    def finished(self) -> bool:
        """Whether the job has succeeded or failed."""
        return self.job is not None and self.job.get("status", {}).get("state") in ("Succeeded", "Failed")

    @property
    def unread(self) -> bool:
        """Whether something of it must be read before it is judged."""
        return self.lost or bool(self.pods.lost)

    @property
    def expires(self) -> bool:
        """Whether the job, or its TensorBoard, is deleted some time after its end."""
        return any("ttlSecondsAfterFinished" in part for part in (self._policy, self._spec.get("tensorboard", {})))

    @property
    def keeps_no_pods(self) -> bool:
        """Whether pods that have ended are deleted when their job has finished."""
        return self._policy.get("cleanPodPolicy") == "All"

    @property
    def gang_name(self) -> str:
        """The gang scheduler the job asks for; "none" for none."""
        return self._spec.get("scheduling", {}).get("gang", "none")

    @property
    def _spec(self) -> Mapping[str, Any]:
        return (self.job or {}).get("spec", {})

    @property
    def _policy(self) -> Mapping[str, Any]:
        return self._spec.get("runPolicy", {})

    def observed(self, gangs: frozenset[str], trials: tuple[TrialState, ...] = ()) -> Observed:
        """What there is, for the planner. Pods of an earlier job of that name are not its own.

        Args:
            gangs: the apiVersions of PodGroups that the cluster serves.
            trials: its own.
        """
        return Observed(
            members=self.pods.of(self.uid),
            strays=self.pods.not_of(self.uid),
            objects=dict(self.objects.uids),
            contents=dict(self.objects.contents),
            gang=self.gang,
            gangs=gangs,
            create_failures=self.create_failures,
            progress=self.progress,
            trials=trials,
            silent=self.silent,
            board=self.board.state,
        )

    # -- the job

    def followed_by(self, job: Json) -> Record:
        """The record of another job of that name, whose pods may be among these."""
        # Nothing is made before the first status is written: of a new job, all is known.
        return Record(job=job, lost=False, pods=self.pods, complete=not job.get("status"))

    def job_seen(self, job: Json) -> Urgency:
        """The same job, later. Where its spec has changed, what was refused may be taken now."""
        if version_of(job) <= self.version:
            return Urgency.NONE
        if self.job is not None and self.job["metadata"].get("generation") != job["metadata"].get("generation"):
            self.create_failures = at_once(self.create_failures)
            self.board.asked_anew()
        self.job = job
        return Urgency.NOW

    def job_left(self, job: Json) -> Urgency:
        """A job of that name left the watch: it finished or is gone."""
        if self.uid and self.uid != uid_of(job):
            return Urgency.NONE
        if self.finished and not job.get("metadata", {}).get("deletionTimestamp"):
            return Urgency.NONE
        self.lost = True
        return Urgency.NOW

    def job_not_listed(self, version: int) -> bool:
        """It is not in a list of the unfinished jobs of a version; whether it must be read for that."""
        if self.finished or self.version > version:
            return False
        self.lost = True
        return True

    @contextmanager
    def reading_job(self) -> Generator[None]:
        """The job is read: what is told from here on may be newer than the answer."""
        self.lost = False
        try:
            yield
        except BaseException:
            self.lost = True
            raise

    def conflicted(self) -> None:
        """A write was refused, or a read showed another job: somebody else has changed it, or taken it away."""
        self.lost = True

    # -- its status

    def status_waits(self, patience: float, share: float, now: float) -> float | None:
        """Seconds for which a status that tells of nothing grave waits for more of its kind; None for none.

        Args:
            patience: of the plan.
            share: seconds between two writes, as long as there is so much to write.
            now: on the steady clock.
        """
        if self.waits_since is None:
            self.waits_since = now
        due = self.waits_since + min(patience, COUNTS)
        if patience >= COUNTS:
            due = max(due, self.status_written + max(patience, share))
        return due - now if due > now else None

    def status_waits_no_more(self) -> None:
        """There is nothing to write, or it tells of something grave."""
        self.waits_since = None

    def status_was_written(self, now: float) -> None:
        """Its status was written, at a time on the steady clock."""
        self.status_written, self.waits_since = now, None

    def progressed(self, progress: Progress) -> bool:
        """Its chief has reported; whether that is news."""
        if stands_still(self.progress, progress):
            return False
        self.progress = progress
        return True

    def misses(self, silent: frozenset[Member]) -> bool:
        """Its chief does not hear these members; whether that is news."""
        known, self.silent = self.silent, silent
        return silent != known

    def answered_by(self, chief: Member) -> None:
        """Its chief answers, or does not answer although its node does."""
        self.unanswered, self.silent = 0, self.silent - {chief}

    def unanswered_by(self, chief: Member) -> bool:
        """Its chief does not answer, nor does its node; whether it is taken for silent from now on."""
        self.unanswered += 1
        if self.unanswered < UNANSWERED or chief in self.silent:
            return False
        self.silent = frozenset({chief})  # what it said of others is of another time
        return True

    # -- its pods and objects

    def pod_seen(self, pod: Json, owner: str) -> Urgency:
        """A pod as it is, or was a moment ago. A chief that has ended said how far it came."""
        news = self.pods.seen(pod, owner)
        known = self.pods[pod["metadata"]["name"]]
        if known.reports and known.state.terminal and known.owner == self.uid:
            self.progress = progress_of(known.state.report) or self.progress
        return news

    def pod_gone(self, name: str, uid: str) -> None:
        """A pod is not there any more. One that was done is kept until its job's status says so."""
        self.pods.gone(name, uid, keep_done_of="" if self.waits_since is None else self.uid)

    def gang_seen(self, group: GangState | None) -> None:
        """Its PodGroup as it is, None if there is none."""
        self.gang = group

    def objects_read(self, found: Mapping[ObjectRole, Mapping[str, Any]], now: float) -> None:
        """Its objects and its finished pods were read, at a time on the steady clock."""
        self.objects.read(found, now)
        self.complete = True

    def board_read(self, deployment: Json | None, now: float) -> None:
        """The Deployment of its TensorBoard was read, None if there is none, at a time on the steady clock."""
        self.board.seen(deployment, now)
        if deployment is not None:
            self.objects.seen(ObjectRole.BOARD, deployment)
        else:
            self.objects.lost(ObjectRole.BOARD)

    def presume_objects(self, services: Mapping[str, str]) -> None:
        """Take its objects as there if it began under another leader, until one of them counts.

        Where nothing is missing nothing is made, and a leader that finds thousands of jobs need not ask for the
        objects of each. All of them are read before anything is made, deleted or ended (`read.rests_on`). A job of
        a gang may have to wait before anything is made: what it has is read at once.

        Args:
            services: the UIDs of its Services by name.
        """
        if not self.complete and self.job is not None and self.gang_name == "none":
            self.objects.presume(self.job["metadata"]["name"], services)

    # -- what we do

    def refused(self, failure: CreateFailure, now: datetime, retry_after: float) -> None:
        """Something of it was not made; the server may ask for so many seconds."""
        self.create_failures = (refused_again(self.create_failures, failure, now, retry_after),)

    def cannot_share(self, problem: str) -> None:
        """Its pods are not made, since they cannot share its claims."""
        self.create_failures = (CreateFailure(CreateFailureReason.INVALID_TEMPLATE, problem),)

    def made(self, now: float) -> bool:
        """All that was asked for was made; whether something had been refused before."""
        known, self.create_failures = self.create_failures, ()
        self.objects.made(now)
        return bool(known)

    def deleted(self, kind: ObjectRole, uid: str) -> None:
        """Something that is no pod is gone."""
        if kind is ObjectRole.GANG:
            self.gang = None
        else:
            self.objects.deleted(kind, uid)
