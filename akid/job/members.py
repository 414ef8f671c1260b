"""Members: what a job consists of, and what was seen of them. A member may be a pod or a process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from akid.job.api.engine import RoleName
from akid.job.api.job import AkidJob
from akid.job.names import ObjectRole, member_name

# What a pod or a container is said to wait for while all goes well.
STARTING = ("", "ContainerCreating", "PodInitializing")
# Why a pod on a node has no containers yet: a volume is not mounted (is a ConfigMap or a Secret missing?), or its
# network is not set up. The kubelet says no more than that in the status of the pod.
NOT_SET_UP = "PodNotSetUp"
# The longest reason in one word that a status takes.
MAX_WORD = 256


@dataclass(frozen=True, order=True)
class Member:
    """One of a job's processes.

    Args:
        role: its role in TensorFlow's cluster specification.
        index: its number within the role, from 0.
    """

    role: RoleName
    index: int

    def name(self, job: AkidJob) -> str:
        """The member's name: `<job>-<role>-<index>`."""
        return member_name(job, self.role, self.index)


def members_of(job: AkidJob) -> list[Member]:
    """Every member the job should have, the chief first."""
    return [Member(role, index) for role, index in job.spec.engine.members()]


def chief_of(job: AkidJob) -> Member:
    """The member that writes checkpoints and holds the rendezvous."""
    return Member(*job.spec.engine.chief)


class Phase(StrEnum):
    """Where a member's trainer is in its life. Whether its pod still runs is another matter (`stopped`)."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class MemberState:
    """What was seen of a member.

    Args:
        name: name of the pod or process.
        uid: identity: another one after every replacement.
        member: which member it is; None if its labels do not say.
        attempt: the attempt it was made for.
        phase: where it is in its life.
        ready: whether it is ready.
        node: where it runs.
        exit_code: of its trainer, once that ended.
        reason: why it failed, or what it waits for, in one word.
        message: the same in a sentence, e.g. the termination message.
        report: the status that a chief left at its end (JSON); empty if it left none.
        disrupted: whether it was ended by the cluster (preempted, evicted, its node lost), not by itself.
        created: when it was made.
        finished: when its trainer ended.
        deletion_due: when it should have been gone, if somebody deleted it.
        finalizer_blocked: whether it was deleted and only a finalizer of somebody else keeps it.
        half_deleted: whether it was deleted without a grace period, but not removed, though nothing keeps it.
        template: the hash of the template it was made from; empty if it does not say.
        outlived: whether its trainer has ended and others of its pod still run.
        refused: whether its node would not run it.
        unreachable: whether its node does not answer; what it was seen as is how it was before.
        supervised: whether akid's trainer runs it.
        held: whether it is not taken away by force, since it may run on.
        forced: whether it is.
    """

    name: str
    uid: str
    member: Member | None
    attempt: int
    phase: Phase
    ready: bool = False
    node: str = ""
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    report: str = ""
    disrupted: bool = False
    created: datetime | None = None
    finished: datetime | None = None
    deletion_due: datetime | None = None
    finalizer_blocked: bool = False
    half_deleted: bool = False
    template: str = ""
    outlived: bool = False
    refused: bool = False
    unreachable: bool = False
    supervised: bool = False
    held: bool = False
    forced: bool = False

    @property
    def terminating(self) -> bool:
        """Whether its deletion was asked for."""
        return self.deletion_due is not None

    @property
    def terminal(self) -> bool:
        """Whether its trainer has ended."""
        return self.phase in (Phase.SUCCEEDED, Phase.FAILED)

    @property
    def stopped(self) -> bool:
        """Whether nothing of it runs any more, as the cluster sees it: it is in no watch and holds nothing."""
        return self.terminal and not self.outlived


@dataclass(frozen=True)
class GangState:
    """What was seen of the job's PodGroup."""

    uid: str
    attempt: int
    admitted: bool = True
    api_version: str = ""


@dataclass(frozen=True)
class Create:
    """Make a member (for this attempt) or one of the job's objects."""

    kind: ObjectRole
    attempt: int
    member: Member | None = None
