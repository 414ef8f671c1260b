"""A job's TensorBoard: made once there is something to see, kept after the job's end, taken away when asked.

It never holds up the job: what of it the server refuses is told in the status and asked for again. As long as
anything of it is there the status has it, so that no crash leaves it behind.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from akid.job.api.job import AkidJob
from akid.job.api.status import Status
from akid.job.api.tensorboard import TensorBoardStatus
from akid.job.board import BOARD, BoardState, board_content, board_url, wants_board
from akid.job.members import Create, Phase
from akid.job.names import ObjectRole, object_name
from akid.job.planner.conditions import changed
from akid.job.planner.deadlines import after, seconds_until
from akid.job.planner.facts import View
from akid.job.planner.interface import Plan
from akid.job.planner.refusals import LONGEST_PROBE


def board_expiry(status: Status, job: AkidJob) -> datetime | None:
    """When it is taken away, once the job has finished."""
    board = job.spec.tensorboard
    if board is None or board.ttl_seconds_after_finished is None or status.completion_time is None:
        return None
    return after(status.completion_time, timedelta(seconds=board.ttl_seconds_after_finished))


def with_board(view: View, plan: Plan) -> Plan:
    """The plan, and what is to be done for the job's TensorBoard."""
    known = view.job.status.tensorboard
    there = any(kind in view.observed.objects for kind in BOARD)
    expires_with_the_job = any(delete.kind is ObjectRole.JOB for delete in plan.delete)
    if expires_with_the_job or not (wants_board(view.job) or there or known):
        return plan
    status = view.job.status if plan.status is None else Status.model_validate(plan.status)
    until = board_expiry(status, view.job)
    if not wants_board(view.job) or (until is not None and until <= view.now):
        return _taken_away(view, plan, there)
    finished = view.job.status.finished
    wait = seconds_until(view.now, [until, None if finished else _retry_at(view)])
    plan = replace(plan, requeue_after=_sooner(plan.requeue_after, wait))
    if finished:
        return _told(view, plan, _status(view)) if there else plan
    if not (_has_begun(view) or there):
        return plan
    return _told(view, _kept_up(view, plan), _status(view))


def _taken_away(view: View, plan: Plan, there: bool) -> Plan:
    """First the Deployment, then the Service, by which others find it, then the word of them in the status."""
    if not there:
        return _told(view, plan, None)
    told = _told(view, plan, view.job.status.tensorboard)
    next_one = next(kind for kind in reversed(BOARD) if kind in view.observed.objects)
    return replace(told, delete=(*plan.delete, *view.object_deletes(next_one)), requeue_after=0.0)


def _has_begun(view: View) -> bool:
    """Whether any member has run: before that there is nothing to see, and no directory to read."""
    ran = any(state.phase is not Phase.PENDING for state in view.current)
    return ran or view.job.status.condition("Running") is not None


def _kept_up(view: View, plan: Plan) -> Plan:
    """What is missing is made, what was made from another image or with other resources is made anew."""
    if view.observed.create_failures or _retry_at(view) is not None:
        return plan
    content = view.observed.contents.get(ObjectRole.BOARD)
    if ObjectRole.BOARD in view.observed.objects and content not in (None, board_content(view.job)):
        return replace(plan, delete=(*plan.delete, *view.object_deletes(ObjectRole.BOARD)), requeue_after=0.0)
    missing = [kind for kind in BOARD if kind not in view.observed.objects]
    return replace(plan, create=(*plan.create, *(Create(kind, view.attempt) for kind in missing)))


def _retry_at(view: View) -> datetime | None:
    """When what was refused may be tried again; None if that is now."""
    at = view.observed.board.retry_at if view.observed.board else None
    # A clock that was set back prolongs it by no more than one wait.
    return at if at is not None and view.now < at <= after(view.now, LONGEST_PROBE) else None


def _status(view: View) -> TensorBoardStatus:
    service = object_name(view.job, ObjectRole.BOARD_SERVICE)
    old = view.job.status.tensorboard
    seen = view.observed.board or BoardState(bool(old and old.ready), old.message if old else "")
    url = board_url(view.job, service)
    return TensorBoardStatus(service=service, url=url, ready=seen.ready, message=seen.message)


def _told(view: View, plan: Plan, board: TensorBoardStatus | None) -> Plan:
    """The plan with this in its status; alone, it may wait for other news."""
    if plan.status is None:
        status = view.job.status.model_copy(update={"tensorboard": board})
        document, patience = changed(view.job.status, status)
        # A finished job is forgotten right away: what waited then would never be written.
        return replace(plan, status=document, patience=0.0 if status.finished else patience)
    told: dict[str, Any] = {name: value for name, value in plan.status.items() if name != "tensorboard"}
    if board is not None:
        told["tensorboard"] = board.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return replace(plan, status=told)


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((seconds for seconds in (one, other) if seconds is not None), default=None)
