"""The planner of a job that is tuned: which trials are started, stopped, suspended, and how it ends. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from akid.job.api.job import AkidJob
from akid.job.api.status import Status
from akid.job.api.tune import Tune
from akid.job.members import Create
from akid.job.names import ObjectRole
from akid.job.planner.build import event, expired, make_plan, newly_waits, set_condition
from akid.job.planner.deadlines import active_deadline, expiry, pending_deadline, seconds_until
from akid.job.planner.facts import View
from akid.job.planner.interface import CreateFailureReason, Delete, Event, Observed, Plan, Suspend
from akid.job.planner.refusals import probe_at, waited_out
from akid.job.trials import Trial, TrialState
from akid.job.tuning.standing import Standing

# Seconds between two writes of counts alone: of many short trials, most writes should be their own.
COUNTS = 5.0
Result = Literal["Succeeded", "Failed"]


@dataclass(frozen=True)
class TunePlan:
    """What to do for a job that is tuned.

    Attributes:
        plan: as for any job.
        trials: whose jobs are made, in the order of `plan.create`.
    """

    plan: Plan
    trials: tuple[Trial, ...] = ()


def plan_tune(job: AkidJob, tune: Tune, observed: Observed, now: datetime) -> TunePlan:
    """What to do for a job that is tuned; its trials go with it when it is deleted, without us.

    Args:
        job: the job with its status, at least as new as the last status that was written.
        tune: its `spec.tune`.
        observed: what there is of it: all trials' jobs, since what is not shown is made anew.
        now: the time, aware.
    """
    view = View(job, observed, now)
    standing = Standing(view, tune)
    if job.metadata.deletion_timestamp is not None:
        return TunePlan(Plan())
    if job.status.finished:
        return TunePlan(_after_the_end(view, standing))
    ended = _fail(view, standing) or _succeed(view, standing) or _run_out_of_time(view, standing)
    if ended is not None:
        return TunePlan(ended)
    if view.policy.suspend:
        return TunePlan(_suspend(view, standing))
    return _keep_up(view, standing)


def _fail(view: View, standing: Standing) -> Plan | None:
    """Too many trials failed, or all; a job the server refuses."""
    most = standing.tune.max_failed_trials
    failed = len(standing.failed)
    if most is not None and failed > most:
        return _end(view, standing, "Failed", "TooManyFailedTrials", f"{failed} trials failed{_last(standing)}")
    if standing.over.issuperset(range(len(standing.trials))) and not standing.succeeded:
        return _end(view, standing, "Failed", "NoTrialSucceeded", f"no trial succeeded{_last(standing)}")
    for failure in view.observed.create_failures:
        if failure.reason is CreateFailureReason.INVALID_TEMPLATE:
            return _end(view, standing, "Failed", "InvalidTemplate", failure.message)
    return None


def _last(standing: Standing) -> str:
    """Which one failed last, if it was seen, and why."""
    told = [standing.seen[number] for number in sorted(standing.failed) if number in standing.seen]
    return f"; {told[-1].name}: {told[-1].message}" if told else ""


def _succeed(view: View, standing: Standing) -> Plan | None:
    if not standing.over.issuperset(range(len(standing.trials))):
        return None
    best, counts = standing.best, standing.counts()
    told = f"of {counts.total} trials {counts.succeeded} succeeded"
    best_told = f"; the best {best.metric} is {best.value:g}, of {best.name}" if best else ""
    return _end(view, standing, "Succeeded", "TrialsFinished", told + best_told)


def _run_out_of_time(view: View, standing: Standing) -> Plan | None:
    """The deadline for all trials together, and for the first one to run."""
    status, policy = view.job.status, view.policy
    if policy.suspend:
        return None
    active, pending = active_deadline(status, policy), pending_deadline(status, policy)
    if active is not None and active <= view.now:
        told = f"not done after {policy.active_deadline_seconds} s"
        return _end(view, standing, "Failed", "DeadlineExceeded", told)
    if pending is not None and pending <= view.now and not standing.running:
        told = f"no trial came to run for {policy.pending_deadline_seconds} s"
        return _end(view, standing, "Failed", "PendingDeadlineExceeded", told)
    return None


def _end(view: View, standing: Standing, result: Result, reason: str, told: str) -> Plan:
    """The end of a tuning: trials that are not over are deleted, those that are stay until the job goes."""
    status = _accepted(view, standing)
    for kind in ("Running", "Queued", "Suspended"):
        status = set_condition(view, status, kind, False, result, f"the job has {result.lower()}")
    status = set_condition(view, status, result, True, reason, told)
    left = [*standing.active, *standing.superfluous]
    undone = len(standing.missing) + len(standing.active)
    counts = standing.counts().model_copy(update={"running": 0, "pending": undone})
    ended = {"completion_time": view.now.replace(microsecond=0), "trials": counts}
    end = event(result, f"The job has {result.lower()}: {told}.", warning=result == "Failed")
    plan = make_plan(view, status.model_copy(update=ended), deletes=_deletes(left))
    return _at_once(plan, [*_told(standing), end])


def _after_the_end(view: View, standing: Standing) -> Plan:
    """A finished job: what its end left half done, and that it expires."""
    if plan := expired(view):
        return plan
    left = [one for one in view.observed.trials if not one.over]
    return Plan(
        delete=tuple(_deletes(left)), requeue_after=seconds_until(view.now, [expiry(view.job.status, view.policy)])
    )


def _suspend(view: View, standing: Standing) -> Plan:
    """A suspended job starts no trial, and those that are not over are suspended."""
    first = not view.job.status.is_true("Suspended")
    status = _accepted(view, standing).model_copy(update={"start_time": None, "trials": standing.counts()})
    for kind in ("Running", "Queued"):
        status = set_condition(view, status, kind, False, "Suspended", "the job is suspended")
    status = set_condition(view, status, "Suspended", True, "Suspended", "the job's trials are suspended")
    told = [event("Suspended", "The job is suspended, and its trials are.")] if first else []
    plan = make_plan(view, status, deletes=_deletes(standing.superfluous))
    return _suspensions(_at_once(plan, [*_told(standing), *told]), standing.active, suspend=True)


def _keep_up(view: View, standing: Standing) -> TunePlan:
    """Hopeless trials are stopped, and as many started as there is room for."""
    starts, failures = _starts(view, standing), waited_out(view.observed.create_failures)
    status = _accepted(view, standing)
    fixed = {
        "start_time": status.start_time or view.now.replace(microsecond=0),
        "trials": standing.counts(len(starts)),
    }
    status = set_condition(view, status.model_copy(update=fixed), "Suspended", False, "Resumed", "the job goes on")
    if standing.running:
        status = set_condition(view, status, "Running", True, "TrialsRunning", "trials run")
    waits = failures[0] if failures and standing.missing else None
    if waits is None:
        status = set_condition(view, status, "Queued", False, "Admitted", "nothing is waited for")
    else:
        status = set_condition(view, status, "Queued", True, waits.reason, waits.message, anew=True)
    plan = make_plan(
        view,
        status,
        creates=[Create(ObjectRole.TRIAL, 0) for _ in starts],
        deletes=_deletes(standing.superfluous),
        times=[probe_at(failures, view.now)],
    )
    events = [*_began(view, standing, status), *_told(standing)]
    plan = _suspensions(_patient(plan, status, view.job.status, events), standing.active, suspend=False)
    return TunePlan(plan, starts)


def _starts(view: View, standing: Standing) -> tuple[Trial, ...]:
    """The trials to start. After a refusal none is until its time has come, and then one, to ask."""
    failures = waited_out(view.observed.create_failures)
    if probe_at(failures, view.now) is not None:
        return ()
    room = max(0, standing.tune.parallelism - len(standing.active))
    return tuple(standing.missing[: min(room, 1) if failures else room])


def _accepted(view: View, standing: Standing) -> Status:
    """The status with what follows from the trials whatever comes next."""
    status = view.job.status.model_copy(
        update={"observed_generation": view.job.metadata.generation, "best": standing.best}
    )
    return set_condition(view, status, "Created", True, "Accepted", "the job was accepted")


def _began(view: View, standing: Standing, status: Status) -> list[Event]:
    """That it was accepted, goes on, runs, or waits."""
    before = view.job.status
    told: list[Event] = []
    if not before.is_true("Created"):
        total, most = len(standing.trials), standing.tune.parallelism
        told.append(event("Created", f"The job starts: {total} trials, {most} at a time."))
    if before.is_true("Suspended"):
        told.append(event("Resumed", "The job goes on, and its trials do."))
    if status.is_true("Running") and not before.is_true("Running"):
        told.append(event("Running", "Trials run."))
    return told + newly_waits(before, status)


def _told(standing: Standing) -> list[Event]:
    """Which trials failed or are stopped."""
    lost = standing.newly_failed
    failed = [event("TrialFailed", f"{one.name} failed: {one.message}", warning=True) for one in lost]
    metric = standing.tune.objective.metric
    told = "is stopped: its best {} is worse than the median of the trials that succeeded."
    stopped = [event("TrialStopped", f"{one.name} {told.format(metric)}") for one in standing.newly_stopped]
    return failed + stopped


def _deletes(trials: Sequence[TrialState]) -> list[Delete]:
    return [Delete(ObjectRole.TRIAL, one.name, one.uid) for one in trials]


def _at_once(plan: Plan, events: Sequence[Event]) -> Plan:
    """The plan, whose status waits for nothing, and what to tell with it."""
    return replace(plan, patience=0.0, events=tuple(events) if plan.status is not None else ())


def _patient(plan: Plan, new: Status, old: Status, events: Sequence[Event]) -> Plan:
    """The same; a status that differs in counts alone waits for more of them."""
    return replace(plan, patience=COUNTS) if plan.patience and not events else _at_once(plan, events)


def _suspensions(plan: Plan, active: Sequence[TrialState], *, suspend: bool) -> Plan:
    """The plan; every trial that is not over is suspended as its job is."""
    return replace(plan, suspend=tuple(Suspend(o.name, o.uid, suspend) for o in active if o.suspended != suspend))
