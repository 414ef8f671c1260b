"""The planner: from a job and what there is of it to what is to be done. Pure and total.

Failure is judged before success, success before deadlines, and all of them before anything is made. A
failure is counted in the status before its pod is deleted: a crash between any two writes neither loses nor
doubles it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from akid.job.api.job import AkidJob
from akid.job.planner.board import with_board
from akid.job.planner.dead_nodes import judged
from akid.job.planner.deadlines import overdue, seconds_until
from akid.job.planner.facts import View
from akid.job.planner.finish import after_the_end, fail, run_out_of_time, succeed
from akid.job.planner.interface import Observed, Plan
from akid.job.planner.removal import orphans, removals
from akid.job.planner.restart import renew, suspend
from akid.job.planner.upkeep import keep_up

RULES: tuple[Callable[[View], Plan | None], ...] = (
    after_the_end,
    fail,
    succeed,
    run_out_of_time,
    suspend,
    renew,
    keep_up,
)


def let_go(observed: Observed, now: datetime) -> Plan:
    """A job that is being deleted: the garbage collector does it all, but for pods on dead nodes."""
    return orphans([state for state in observed.members if state.terminating], now)


def _strays_removed(view: View, plan: Plan) -> Plan:
    """The plan, and what an earlier job of this name left taken away, should nobody else do it in time."""
    strays = view.observed.strays
    if not strays:
        return plan
    due = view.patient_until
    going = [state for state in strays if state.terminating or due <= view.now]
    wait = seconds_until(view.now, [overdue(state) if state.terminating else due for state in strays])
    waits = [seconds for seconds in (plan.requeue_after, wait) if seconds is not None]
    deletes = (*plan.delete, *removals(going, view.now))
    return replace(plan, delete=deletes, requeue_after=min(waits, default=None))


def plan(job: AkidJob, observed: Observed, now: datetime) -> Plan:
    """What to do for a job now: what the first rule that applies says.

    Args:
        job: the job with its status, at least as new as the last status that was written.
        observed: what there is of it; all of it, since what it does not show is made anew.
        now: the time, aware.

    Returns:
        The plan; an empty one when everything is as it should be.
    """
    if job.metadata.deletion_timestamp is not None:
        return let_go(observed, now)
    view = View(job, judged(observed), now)
    made = next((result for rule in RULES if (result := rule(view)) is not None), Plan())
    return _strays_removed(view, with_board(view, made))
