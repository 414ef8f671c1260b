"""How a job ends, and what is left to do after that."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from akid.job.api.engine import RoleName
from akid.job.api.status import Status
from akid.job.members import MemberState, chief_of
from akid.job.names import ObjectRole
from akid.job.planner.backoff import repeated
from akid.job.planner.build import event, expired, make_plan, set_condition
from akid.job.planner.conditions import with_counts
from akid.job.planner.deadlines import active_deadline, expiry, leave, overdue, pending_deadline, seconds_until
from akid.job.planner.facts import View
from akid.job.planner.failures import exhausted, failure_reason, tell
from akid.job.planner.interface import CreateFailureReason, Delete, Plan

# What serves running members only. The kid, the claims and the kept pods stay until the job is deleted.
SERVING = (ObjectRole.SERVICE, ObjectRole.RENDEZVOUS, ObjectRole.GANG)


def fail(view: View) -> Plan | None:
    """Failures that no restart mends, or for which no restart is left; a template the server refuses."""
    losses, policy = view.losses, view.policy
    if losses.permanent:
        return end(view, "Failed", failure_reason(losses.permanent[0]), tell(losses.permanent[0]))
    if losses.retryable and exhausted(view.job.status, losses, policy):
        told = f"{tell(losses.retryable[0])}; all {policy.max_restarts} restarts are used"
        return end(view, "Failed", "RestartLimitExceeded", told + repeated(view.opened.backoff))
    for failure in view.observed.create_failures:
        if failure.reason is CreateFailureReason.INVALID_TEMPLATE:
            return end(view, "Failed", "InvalidTemplate", failure.message)
    return None


def succeed(view: View) -> Plan | None:
    """The chief is done; or the chief and all workers. Parameter servers and the evaluator never decide."""
    chief = chief_of(view.job)
    if view.policy.success_policy == "Chief":
        deciding, who = [chief], chief.name(view.job)
    else:
        workers = [member for member in view.wanted if member.role is RoleName.WORKER]
        deciding, who = [chief, *workers], "the chief and all workers"
    if not view.completed.issuperset(deciding):
        return None
    return end(view, "Succeeded", "Completed", f"{who} finished")


def run_out_of_time(view: View) -> Plan | None:
    """The deadlines for running, and for being kept from running."""
    status, policy = view.job.status, view.policy
    if policy.suspend:
        return None
    active, pending = active_deadline(status, policy), pending_deadline(status, policy)
    if active is not None and active <= view.now:
        return end(view, "Failed", "DeadlineExceeded", f"not done after {policy.active_deadline_seconds} s")
    if pending is not None and pending <= view.now and not view.enough_running:
        queued = status.condition("Queued")
        why = f": {queued.message}" if queued and queued.status == "True" else ""
        told = f"not running for {policy.pending_deadline_seconds} s{why}"
        return end(view, "Failed", "PendingDeadlineExceeded", told)
    return None


def end(view: View, result: Literal["Succeeded", "Failed"], reason: str, told: str) -> Plan:
    """The end of a job: nothing of its status changes after that."""
    status = set_condition(view, view.opened, "Created", True, "Accepted", "the job was accepted")
    for kind in ("Running", "Restarting", "Queued", "Suspended"):
        status = set_condition(view, status, kind, False, result, f"the job has {result.lower()}")
    status = set_condition(view, status, result, True, reason, told)
    # The last progress stays, but nothing is expected any more.
    progress = status.progress.model_copy(update={"eta": None}) if status.progress else None
    ended = {"completion_time": view.now.replace(microsecond=0), "backoff": None, "progress": progress}
    status = status.model_copy(update=ended)
    deletes = clean_up(view, status)
    gone = {delete.uid for delete in deletes}
    stay = [state for state in view.current if state.uid not in gone and _stays(view, state)]
    status = with_counts(status, view.wanted, stay, view.completed)
    told_event = event(result, f"The job has {result.lower()}: {told}.", warning=result == "Failed")
    lingering = [_leaving(view, status), *(overdue(state) for state in view.observed.members)]
    return make_plan(view, status, deletes=deletes, events=[told_event], times=lingering)


def after_the_end(view: View) -> Plan | None:
    """A finished job: its pods are cleaned up, it expires, and its status is never touched again."""
    if not view.job.status.finished:
        return None
    if plan := expired(view):
        return plan
    status, members = view.job.status, view.observed.members
    times = [expiry(status, view.policy), _leaving(view, status), *(overdue(state) for state in members)]
    return Plan(delete=tuple(clean_up(view, status)), requeue_after=seconds_until(view.now, times))


def clean_up(view: View, status: Status) -> list[Delete]:
    """What cleanPodPolicy takes away, and what served the pods; what may still end by itself is left for now."""
    until = _leaving(view, status)
    waits = until is not None and until > view.now
    goes = [
        s for s in view.observed.members if s.terminating or not (_stays(view, s) or (waits and not s.stopped))
    ]
    return view.deletes(goes) + ([] if waits else view.object_deletes(*SERVING))


def _leaving(view: View, status: Status) -> datetime | None:
    """Until when members may still end by themselves, if there are any left."""
    left = any(not state.stopped and not state.terminating for state in view.observed.members)
    return leave(status) if left else None


def _stays(view: View, state: MemberState) -> bool:
    """Whether cleanPodPolicy leaves a member where it is."""
    policy = view.policy.clean_pod_policy
    return policy == "None" or (policy == "Running" and state.stopped)
