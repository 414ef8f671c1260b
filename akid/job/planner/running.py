"""A job that runs: with all its members, or, if it is elastic, with enough of them."""

from __future__ import annotations

from akid.job.api.status import Status
from akid.job.planner.build import event, set_condition
from akid.job.planner.facts import View
from akid.job.planner.interface import Event


def runs(view: View, status: Status) -> Status:
    """The status of a job of which enough members run."""
    if view.all_running:
        status = status.model_copy(update={"refusals": 0})
        status = set_condition(view, status, "Running", True, "AllRunning", "every member is running")
        return set_condition(view, status, "Restarting", False, "Recovered", "every member is running again")
    told = f"{len(view.running)} of {len(view.wanted)} members are running"
    old = status.condition("Running")
    anew = old is not None and old.message != told
    status = set_condition(view, status, "Running", True, "MembersMissing", told, anew=anew)
    return set_condition(view, status, "Restarting", False, "Recovered", "enough members are running")


def running_events(before: Status, status: Status) -> list[Event]:
    """That it has another number of workers, begins to run, or goes on with other members."""
    told: list[Event] = []
    if before.workers not in (None, status.workers) and before.start_time is not None:
        told.append(event("Scaled", f"From {before.workers} to {status.workers} workers; the others go on."))
    old, new = before.condition("Running"), status.condition("Running")
    if (
        new is None
        or new.status != "True"
        or (old is not None and (old.status, old.reason) == ("True", new.reason))
    ):
        return told
    return [*told, event("Running", f"{new.message[:1].upper()}{new.message[1:]}.")]
