"""When all pods of a job are replaced or taken away: a new attempt of the gang."""

from __future__ import annotations

from akid.job.api.status import Status
from akid.job.names import ObjectRole
from akid.job.planner.backoff import tell_restart
from akid.job.planner.build import event, make_plan, set_condition
from akid.job.planner.conditions import with_counts
from akid.job.planner.deadlines import may_replace, overdue, reported
from akid.job.planner.facts import View
from akid.job.planner.failures import tell
from akid.job.planner.interface import Event, Plan


def suspend(view: View) -> Plan | None:
    """A suspended job has no pods. Its next ones are a new attempt, from the last checkpoint."""
    if not view.policy.suspend:
        return None
    status = view.opened
    first = not view.job.status.is_true("Suspended")
    if first and (status.start_time is not None or view.observed.members):
        status = next_attempt(status)
    # Whoever resumes it has seen to it: it begins at once.
    fresh = {"start_time": None, "workers": view.job.spec.engine.workers, "backoff": None}
    status = status.model_copy(update=fresh)
    status = set_condition(view, status, "Created", True, "Accepted", "the job was accepted")
    for kind in ("Running", "Restarting", "Queued"):
        status = set_condition(view, status, kind, False, "Suspended", "the job is suspended")
    status = set_condition(view, status, "Suspended", True, "Suspended", "the job's members are taken away")
    told = [event("Suspended", "The job is suspended; its members are taken away.")] if first else []
    return replace_all(view, status, told)


def renew(view: View) -> Plan | None:
    """The number of workers (if it is not elastic) or the template changed, or (Recreate) a member was lost."""
    status, workers = view.opened, view.job.spec.engine.workers
    if status.workers != workers and status.start_time is not None and not view.job.spec.engine.elastic:
        told = f"the number of workers changed from {status.workers} to {workers}"
        return restart(view, "WorkersChanged", told)
    if view.outmoded:
        return restart(view, "TemplateChanged", f"{view.outmoded[0].name} was made from another template")
    if view.policy.restart_strategy == "Recreate":
        return _recreate(view)
    return None


def _recreate(view: View) -> Plan | None:
    losses = view.losses
    failed = [*losses.retryable, *losses.known]
    lost = [state for state in losses.disrupted if may_replace(state, view.opened, view.now)]
    lost += [state for state in view.current if state.terminating and not state.terminal]
    if losses.retryable:
        number = tell_restart(view.opened.restarts, view.opened, view.policy, view.now)
        return restart(view, "PodFailed", f"{tell(failed[0])}; {number}")
    if failed:
        return restart(view, "PodFailed", tell(failed[0]))
    if lost:
        return restart(view, "PodDisrupted", tell(lost[0]))
    if view.missing and view.job.status.is_true("Running"):
        return restart(view, "PodLost", f"{view.missing[0].name(view.job)} is gone")
    return None


def restart(view: View, reason: str, told: str) -> Plan:
    """The next attempt: the old pods go, all of them, before there is a new one."""
    status = next_attempt(view.opened).model_copy(update={"workers": view.job.spec.engine.workers})
    status = set_condition(view, status, "Running", False, reason, told)
    status = set_condition(view, status, "Restarting", True, reason, told, anew=True)
    told_event = event("Restarting", f"All members are replaced: {told}.", warning=True)
    # Where no pod is left, none will tell that it is gone.
    return replace_all(view, status, [told_event], again=not view.observed.members)


def replace_all(view: View, status: Status, events: list[Event], *, again: bool = False) -> Plan:
    """A plan that takes away every pod and the gang they were scheduled by."""
    members = list(view.observed.members)
    status = with_counts(status, view.wanted, [], frozenset())
    deletes = [*view.deletes(members), *view.object_deletes(ObjectRole.GANG)]
    times = [time for state in members for time in (overdue(state), reported(state))]
    return make_plan(view, status, deletes=deletes, events=events, times=times, again=again)


def next_attempt(status: Status) -> Status:
    """The status at the beginning of the next attempt; nobody is done yet."""
    return status.model_copy(update={"attempt": status.attempt + 1, "replica_statuses": {}})
