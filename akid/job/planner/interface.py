"""What the planner is given and what it gives: the contract between `plan()` and whoever carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from akid.job.api.status import Progress
from akid.job.board import BoardState
from akid.job.members import Create, GangState, Member, MemberState
from akid.job.names import ObjectRole
from akid.job.trials import TrialState


class CreateFailureReason(StrEnum):
    """What came of carrying out the plan before, when it did not work."""

    INVALID_TEMPLATE = "InvalidTemplate"
    NAME_CONFLICT = "NameConflict"
    EARLIER_JOB = "EarlierJobTerminating"
    KID_CHANGED = "KidChanged"
    QUOTA_EXCEEDED = "QuotaExceeded"
    FORBIDDEN = "Forbidden"
    FAILED_CREATE = "FailedCreate"


@dataclass(frozen=True)
class CreateFailure:
    """A create that was refused. INVALID_TEMPLATE is final; the others are waited out.

    Args:
        reason: of the refusal.
        message: the server's words.
        tries: how often in a row.
        retry_at: when it may be tried again; None for now.
    """

    reason: CreateFailureReason
    message: str
    tries: int = 1
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Observed:
    """What there is of a job.

    Args:
        members: every pod (process) whose controller is this job, finished and terminating ones too.
        strays: pods whose controller is another job of this name: an earlier one, if this one exists still.
            Whoever deletes them has to make sure of that.
        objects: the UIDs of the job's other objects that exist and belong to it.
        contents: the hashes of what those that may have to change were made from.
        outdated: the UIDs of those that are to be made anew; no member needs them as they are.
        gang: the job's PodGroup, if there is one.
        gangs: the apiVersions of PodGroups that the cluster serves.
        create_failures: what went wrong when the last plan was carried out; empty once it went well.
        progress: what the chief last reported; None leaves the status as it is.
        silent: members that the chief does not hear; the chief, if it does not answer.
        trials: the trials of a tuning that exist and belong to it, finished ones too.
        board: what was last seen of its TensorBoard; None leaves the status as it is.
    """

    members: tuple[MemberState, ...] = ()
    strays: tuple[MemberState, ...] = ()
    objects: Mapping[ObjectRole, str] = field(default_factory=dict[ObjectRole, str])
    contents: Mapping[ObjectRole, str] = field(default_factory=dict[ObjectRole, str])
    outdated: Mapping[ObjectRole, str] = field(default_factory=dict[ObjectRole, str])
    gang: GangState | None = None
    gangs: frozenset[str] = frozenset()
    create_failures: tuple[CreateFailure, ...] = ()
    progress: Progress | None = None
    silent: frozenset[Member] = frozenset()
    trials: tuple[TrialState, ...] = ()
    board: BoardState | None = None


@dataclass(frozen=True)
class Suspend:
    """Suspend a trial's job, or let it go on, if it still has this UID."""

    name: str
    uid: str
    suspend: bool


@dataclass(frozen=True)
class Delete:
    """Delete, if it still has this UID.

    Args:
        kind: what it is.
        name: its name.
        uid: its UID.
        force: do not wait for the node (grace period 0).
        version: its resourceVersion, if it must not have changed either.
    """

    kind: ObjectRole
    name: str
    uid: str
    force: bool = False
    version: str = ""


@dataclass(frozen=True)
class Event:
    """An event on the job, for people."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class Plan:
    """What to do, in this order: status, deletes, suspensions, creates; then events. Stop at the first that fails.

    Args:
        create: in order; all that is not a member comes first, and members only after it succeeded.
        delete: in any order.
        suspend: in any order.
        status: the whole new status; None leaves it. Write it with the resourceVersion the job was read at.
        patience: seconds for which the status may wait for more of its kind: it differs in words only
            (`WORDS`), in counts and progress too (`COUNTS`; both longer if there is much to write), or in who is
            done (`COMPLETIONS`).
        requeue_after: seconds until the plan must be made again if nothing happens before; None for never, 0 if
            the next plan follows from this one's status alone.
        events: to be emitted once the status is written.
    """

    create: tuple[Create, ...] = ()
    delete: tuple[Delete, ...] = ()
    suspend: tuple[Suspend, ...] = ()
    status: dict[str, Any] | None = None
    patience: float = 0.0
    requeue_after: float | None = None
    events: tuple[Event, ...] = ()
