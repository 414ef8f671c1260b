"""Keeping a job up: what is missing is made, what was lost is replaced, what it waits for is told."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from akid.job.api.base import format_time
from akid.job.api.status import Status
from akid.job.gang import gang_of
from akid.job.members import NOT_SET_UP, STARTING, Create, MemberState, Phase
from akid.job.names import ObjectRole
from akid.job.planner.backoff import tell_restart
from akid.job.planner.build import event, make_plan, newly_waits, set_condition
from akid.job.planner.conditions import with_counts
from akid.job.planner.dead_nodes import TAINT
from akid.job.planner.deadlines import (
    LOOK_AGAIN,
    POLL,
    after,
    may_replace,
    overdue,
    replaceable,
    reported,
    told_at,
)
from akid.job.planner.facts import View
from akid.job.planner.failures import Loss, loss_of, new_disruptions, tell
from akid.job.planner.interface import CreateFailure, Delete, Event, Plan
from akid.job.planner.refusals import probe_at, waited_out
from akid.job.planner.running import running_events, runs
from akid.job.rendezvous import has_rendezvous, needs_names

# A kubelet tells the two by turns; one of them is enough.
ALIKE = {"ErrImagePull": "ImagePullBackOff"}


class Wait(NamedTuple):
    """Something outside the job it waits for. `holds`: no pod is made until then."""

    reason: str
    message: str
    holds: bool


def keep_up(view: View) -> Plan:
    """The plan of a job that is neither finished nor suspended nor replaced as a whole."""
    waits = wait(view)
    status = _conditions(view, _started(view), waits)
    status = with_counts(status, view.wanted, view.current, view.completed)
    creates = [] if view.leftover or view.held_back else creates_of(view, waits)
    return make_plan(
        view,
        status,
        creates=creates,
        deletes=_replaced(view),
        events=_events(view, status),
        times=_times(view, waits),
    )


def objects_of(view: View) -> list[ObjectRole]:
    """The objects the job should have beside its pods, in the order in which they are made."""
    job = view.job
    volumes = job.spec.volumes
    gang = gang_of(job, view.observed.gangs)
    return [
        kind
        for kind, needed in (
            (ObjectRole.CONFIG, job.spec.kid is not None),
            # It cannot be read: where a pod may wait for it, it is made again, or found to be there.
            (ObjectRole.TOKEN, has_rendezvous(job) and bool(view.missing or _not_set_up(view))),
            (ObjectRole.DATA_CLAIM, bool(volumes.data and volumes.data.claim_template)),
            (ObjectRole.LOG_CLAIM, bool(volumes.log and volumes.log.claim_template)),
            (ObjectRole.SERVICE, needs_names(job)),
            (ObjectRole.RENDEZVOUS, has_rendezvous(job)),
            (
                ObjectRole.GANG,
                gang is not None and gang.api_version in view.observed.gangs and view.observed.gang is None,
            ),
        )
        if needed
    ]


def creates_of(view: View, waits: Wait | None) -> list[Create]:
    """What is not there: the objects first, then the members, unless the job has to wait.

    After a refusal nothing is made until its time has come, and then no more than one member, to ask.
    """
    failures = _refusals(view)
    if probe_at(failures, view.now) is not None:
        return []
    objects = [view.create(kind) for kind in objects_of(view) if kind not in view.observed.objects]
    if view.in_the_way or (waits and waits.holds):
        return [create for create in objects if create.kind is not ObjectRole.TOKEN]
    missing = view.missing[:1] if failures else view.missing
    return objects + [view.create(ObjectRole.MEMBER, member) for member in missing]


def wait(view: View) -> Wait | None:
    """What the job waits for, if it cannot help itself."""
    gang = _waits_for_gang(view)
    for failure in _refusals(view):
        return Wait(failure.reason, failure.message, gang is not None and gang.holds)
    return gang or _waits_for_room(view) or _waits_for_start(view)


def _refusals(view: View) -> tuple[CreateFailure, ...]:
    """What the server would not make, as long as anything is to be made."""
    missing = view.missing or any(kind not in view.observed.objects for kind in objects_of(view))
    return waited_out(view.observed.create_failures) if missing else ()


def _waits_for_gang(view: View) -> Wait | None:
    gang, group = gang_of(view.job, view.observed.gangs), view.observed.gang
    if gang is not None and gang.api_version not in view.observed.gangs:
        told = f"the cluster has no {gang.api_version} PodGroup; {gang.remedy} or set gang: none"
        return Wait("GangSchedulerMissing", told, True)
    admitted = group is not None and group.attempt == view.attempt and group.admitted
    if gang is not None and gang.holds and view.missing and not admitted and not view.held_back:
        return Wait("WaitingForQueue", "the gang's PodGroup is not admitted yet", True)
    if group is not None and group.attempt != view.attempt:
        return Wait("WaitingForQueue", "the PodGroup of the attempt before is going", True)
    return None


def _waits_for_room(view: View) -> Wait | None:
    """Pods that are to go and do not, whose names are needed."""
    lingering = next((state for state in view.observed.members if _lingers(state, view.now)), None)
    if lingering is not None:
        return Wait("PodTerminating", _tell_lingering(lingering), False)
    if view.in_the_way and view.patient_until <= view.now:
        told = _tell_lingering(view.in_the_way[0], " of an earlier job of this name")
        return Wait("PodTerminating", told, False)
    return None


def _waits_for_start(view: View) -> Wait | None:
    present = [view.present[member] for member in view.wanted if member in view.present]
    waiting = next((state for state in present if _kept_waiting(state, view.now)), None)
    if waiting is None:
        return None
    reason = ALIKE.get(waiting.reason, waiting.reason)
    return Wait(reason, f"{waiting.name}: {waiting.message or 'is pending'}", False)


def _kept_waiting(state: MemberState, now: datetime) -> bool:
    told = told_at(state)
    patient = told is not None and told > now
    return state.phase is Phase.PENDING and state.reason not in STARTING and not patient


def _not_set_up(view: View) -> bool:
    return any(state.reason == NOT_SET_UP and _kept_waiting(state, view.now) for state in view.current)


def _lingers(state: MemberState, now: datetime) -> bool:
    due = reported(state)
    return due is not None and due <= now


def _tell_lingering(state: MemberState, whose: str = "") -> str:
    """Which pod does not go, and who keeps it."""
    pod = f"{state.name}{whose}"
    forced, where = overdue(state), f" on {state.node}" if state.node else ""
    if state.held:
        return f"{pod} is deleted, but {state.node} does not answer: if nothing runs there, taint it with {TAINT}"
    if state.finalizer_blocked:
        return f"{pod}{where} is deleted, but a finalizer keeps it"
    if forced is None:
        return f"{pod}{where} is still there"
    return f"{pod}{where} is deleted, but is not gone; at {format_time(forced)} it is taken away by force"


def _started(view: View) -> Status:
    status = view.opened
    fixed = {
        "start_time": status.start_time or view.now.replace(microsecond=0),
        "workers": view.job.spec.engine.workers,
    }
    status = set_condition(
        view, status.model_copy(update=fixed), "Created", True, "Accepted", "the job was accepted"
    )
    return set_condition(view, status, "Suspended", False, "Resumed", "the job goes on")


def _conditions(view: View, status: Status, waits: Wait | None) -> Status:
    status = runs(view, status) if view.enough_running else _interrupted(view, status)
    if waits is None:
        return set_condition(view, status, "Queued", False, "Admitted", "nothing is waited for")
    return set_condition(view, status, "Queued", True, waits.reason, waits.message, anew=True)


def _interrupted(view: View, status: Status) -> Status:
    losses = view.losses
    if losses.first is None and not status.is_true("Running"):
        return status
    reason = "PodFailed" if losses.retryable or losses.known else "PodDisrupted" if losses.first else "PodLost"
    told = tell(losses.first) if losses.first else _gone(view)
    if losses.retryable:
        told = f"{told}; {tell_restart(status.restarts, status, view.policy, view.now)}"
    status = set_condition(view, status, "Running", False, reason, told)
    return set_condition(view, status, "Restarting", True, reason, told, anew=bool(losses.retryable))


def _gone(view: View) -> str:
    """Which member does not run any more, though it has not failed."""
    going = [state for state in view.current if state.terminating and not state.terminal]
    if going:
        return tell(going[0])
    return f"{view.missing[0].name(view.job)} is gone" if view.missing else "a member does not run any more"


def _replaced(view: View) -> list[Delete]:
    """Failed members go when they are replaced; those on dead nodes or not wanted, outdated objects at once."""
    going = [state for state in view.current if state.terminating or _goes(view, state)]
    deletes = view.deletes([*view.leftover, *view.surplus, *going]) + view.object_deletes(*view.observed.outdated)
    group = view.observed.gang
    if group is not None and group.attempt != view.attempt:
        deletes += view.object_deletes(ObjectRole.GANG)
    return deletes


def _goes(view: View, state: MemberState) -> bool:
    loss = loss_of(state, view.policy)
    if loss is Loss.DISRUPTED:
        return may_replace(state, view.opened, view.now)
    return loss is not None and view.restarts_at is None


def _events(view: View, status: Status) -> list[Event]:
    """What is new: the job was accepted, runs, waits, or lost members."""
    before, policy = view.job.status, view.policy
    kinds = ("Created", "Running", "Restarting")
    new = {kind for kind in kinds if status.is_true(kind) and not before.is_true(kind)}
    told: list[Event] = []
    if "Created" in new:
        told.append(event("Created", f"The job starts with {len(view.wanted)} members."))
    if before.is_true("Suspended"):
        told.append(event("Resumed", "The job goes on with new members."))
    for number, state in enumerate(view.losses.retryable, before.restarts + 1):
        told.append(
            event("Restarting", f"{tell(state)}; {tell_restart(number, status, policy, view.now)}.", warning=True)
        )
    told += [
        event("Restarting", f"{tell(s)}; not counted.", warning=True) for s in new_disruptions(view.losses, before)
    ]
    if "Restarting" in new and view.losses.first is None:
        told.append(event("Restarting", f"{_gone(view)}; not counted.", warning=True))
    told += newly_waits(before, status)
    return told + running_events(before, status)


def _times(view: View, waits: Wait | None) -> list[datetime | None]:
    times: list[datetime | None] = [view.restarts_at, *(overdue(state) for state in view.observed.members)]
    times += [reported(state) for state in view.observed.members]
    times += [view.patient_until] if view.in_the_way else []
    for state in view.current:
        times.append(told_at(state))
        if loss_of(state, view.policy) is Loss.DISRUPTED:
            times.append(replaceable(state, view.opened))
    if _not_set_up(view):
        times.append(after(view.now, LOOK_AGAIN))
    if waits is not None and waits.holds:
        times.append(after(view.now, POLL))
    times.append(probe_at(_refusals(view), view.now))
    return times
