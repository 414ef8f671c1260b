"""The TensorBoard of a job: when it is there, what is told of it, and that it is nobody's burden."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import job
from job.scenes import BOTH, OBJECTS, T0, TWO, at, created, deleted, look, running, seen, started

from akid.job import CreateFailure, CreateFailureReason, ObjectRole, Plan
from akid.job.board import BoardState, board_content
from akid.job.objects.board import board_state

ON: dict[str, Any] = {"volumes": {"log": {"claimName": "logs"}}, "tensorboard": {}}
TOLD = {"service": "digits-tensorboard", "url": "http://digits-tensorboard.lab.svc:6006"}
THERE = OBJECTS | {ObjectRole.BOARD: "uid-board", ObjectRole.BOARD_SERVICE: "uid-board-service"}
PARTS = ["tensorboard-service", "tensorboard"]


def with_ttl(seconds: int) -> dict[str, Any]:
    return {**ON, "tensorboard": {"ttlSecondsAfterFinished": seconds}}


def beside(**spec: Any) -> dict[str, Any]:
    """The status of a job that runs, and has its TensorBoard."""
    return {**running(engine=TWO, **spec), "tensorboard": TOLD | {"ready": True}}


def ended(state: str = "Succeeded", /, **spec: Any) -> dict[str, Any]:
    """The status of a job that ended at T0."""
    code = 0 if state == "Succeeded" else 1
    last = seen("worker-0", state, exit_code=code, finished=T0)
    return started(look(last, BOTH[1], status=beside(**spec), seen_objects=THERE, **spec))


def board_of(plan: Plan) -> dict[str, Any] | None:
    return started(plan).get("tensorboard")


# -- when it is made


def test_it_is_made_once_a_member_runs():
    waits = look(seen("worker-0", "Pending"), seen("worker-1", "Pending"), **ON)
    assert created(waits) == []
    assert board_of(waits) is None
    runs = look(*BOTH, **ON)
    assert created(runs) == PARTS
    assert board_of(runs) == TOLD


@pytest.mark.parametrize(
    "spec",
    [{"tensorboard": {"enabled": False}}, {"tensorboard": None}],
    ids=["not enabled", "not asked for"],
)
def test_it_is_not_made_unasked(spec: dict[str, Any]):
    plan = look(*BOTH, **ON | spec)
    assert created(plan) == []
    assert board_of(plan) is None


def test_a_part_that_was_lost_is_made_again():
    objects = {kind: uid for kind, uid in THERE.items() if kind is not ObjectRole.BOARD}
    assert created(look(*BOTH, status=beside(**ON), seen_objects=objects, **ON)) == ["tensorboard"]


def test_a_job_that_runs_beside_it_costs_nothing():
    plan = look(*BOTH, status=beside(**ON), seen_objects=THERE, **ON)
    assert (plan.create, plan.delete, plan.status, plan.requeue_after) == ((), (), None, None)


def test_a_job_that_ended_unseen_has_one_to_look_back():
    plan = look(seen("worker-0", "Succeeded"), BOTH[1], status={}, **ON)
    assert started(plan)["state"] == "Succeeded"
    assert created(plan) == PARTS
    assert board_of(plan) == TOLD


def test_a_job_of_which_nothing_ever_ran_has_none():
    failure = CreateFailure(CreateFailureReason.INVALID_TEMPLATE, "no image")
    plan = look(create_failures=(failure,), **ON)
    assert started(plan)["state"] == "Failed"
    assert created(plan) == []


def test_a_suspended_job_keeps_it():
    spec = {**ON, "runPolicy": {"suspend": True}}
    plan = look(*BOTH, status=beside(**ON), seen_objects=THERE, **spec)
    assert deleted(plan) == ["worker-0", "worker-1"]
    assert board_of(plan) == TOLD | {"ready": True}


def test_another_image_is_another_deployment_under_the_same_service():
    spec = {**ON, "tensorboard": {"image": "boards:2"}}
    facts = {"status": beside(**ON), "seen_objects": THERE}
    contents = {ObjectRole.BOARD: board_content(job(engine=TWO, **ON))}
    assert deleted(look(*BOTH, contents=contents, **facts, **ON)) == []
    assert deleted(look(*BOTH, contents=contents, **facts, **spec)) == ["tensorboard"]


# -- what is told


@pytest.mark.parametrize(
    ("seen_of_it", "told"),
    [
        (None, {"ready": True}),
        (BoardState(ready=True), {"ready": True}),
        (BoardState(), {}),
        (BoardState(message="quota"), {"message": "quota"}),
    ],
    ids=["nothing new", "ready", "not ready", "refused"],
)
def test_the_status_says_what_was_seen(seen_of_it: BoardState | None, told: dict[str, Any]):
    one_more = (BOTH[0], seen("worker-1", ready=False))
    plan = look(*one_more, status=beside(**ON), seen_objects=THERE, board=seen_of_it, **ON)
    assert board_of(plan) == TOLD | told


def test_its_readiness_waits_for_other_news():
    plan = look(*BOTH, status=beside(**ON), seen_objects=THERE, board=BoardState(), **ON)
    assert (plan.patience, plan.events) == (1.0, ())


def test_what_the_server_refuses_is_asked_for_again_and_holds_up_nobody():
    refused = BoardState(message="quota", retry_at=at(8))
    lost = look(BOTH[0], status=running(), now=at(1), board=refused, **ON)
    assert created(lost) == ["token", "worker-1"]
    assert board_of(lost) == TOLD | {"message": "quota"}
    assert created(look(*BOTH, status=running(), now=at(8), board=refused, **ON)) == PARTS


def test_it_is_not_asked_for_while_pods_are_refused():
    failure = CreateFailure(CreateFailureReason.QUOTA_EXCEEDED, "no", retry_at=at(30))
    assert created(look(BOTH[0], status=running(), create_failures=(failure,), **ON)) == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, BoardState()),
        ({"readyReplicas": 1, "conditions": [{"type": "Progressing", "status": "False", "message": "slow"}]},
         BoardState(ready=True)),
        ({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]},
         BoardState(message="exceeded quota")),
        ({"conditions": [{"type": "Progressing", "status": "False", "message": "timed out"}]},
         BoardState(message="timed out")),
        ({"conditions": [{"type": "Progressing", "status": "True", "message": "created"}]}, BoardState()),
    ],
    ids=["new", "ready", "refused", "stuck", "starting"],
)  # fmt: skip
def test_a_deployment_says_how_it_is(status: dict[str, Any], state: BoardState):
    assert board_state({"status": status}) == state


# -- when it goes


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
def test_it_stays_after_the_end(state: str):
    status = ended(state, **ON)
    assert status["tensorboard"] == TOLD | {"ready": True}
    plan = look(status=status, seen_objects=THERE, now=at(1e6), **ON)
    assert "tensorboard" not in deleted(plan)
    assert (plan.status, plan.requeue_after) == (None, None)


def test_a_finished_job_gets_no_new_one():
    assert created(look(status=ended(**ON), seen_objects={}, **ON)) == []


def test_it_is_taken_away_when_its_time_has_come_and_then_told():
    spec, left = with_ttl(60), {ObjectRole.BOARD: "uid-board", ObjectRole.BOARD_SERVICE: "uid-board-service"}
    status = ended(**spec)
    assert look(status=status, seen_objects=left, now=at(20), **spec).requeue_after == 40
    due = look(status=status, seen_objects=left, now=at(60), **spec)
    assert [delete.kind for delete in due.delete] == [ObjectRole.BOARD]
    assert (due.status, due.requeue_after) == (None, 0.0)
    last = look(status=status, seen_objects={ObjectRole.BOARD_SERVICE: "uid"}, now=at(60), **spec)
    assert [delete.kind for delete in last.delete] == [ObjectRole.BOARD_SERVICE], (
        "by which it is found, if we end now"
    )
    assert (last.status, last.requeue_after) == (None, 0.0)
    told = look(status=status, seen_objects={}, now=at(60), **spec)
    assert (board_of(told), told.patience) == (None, 0.0)
    assert look(status=started(told), seen_objects={}, now=at(61), **spec) == Plan()


def test_a_time_of_zero_begins_with_the_end():
    spec = with_ttl(0)
    plan = look(seen("worker-0", "Succeeded"), status=beside(**spec), seen_objects=THERE, **spec)
    assert started(plan)["state"] == "Succeeded"
    assert deleted(plan).count("tensorboard") == 1
    assert plan.requeue_after == 0.0


@pytest.mark.parametrize("status", [beside(**ON), ended(**ON)], ids=["running", "finished"])
@pytest.mark.parametrize("asked", [None, {"enabled": False}], ids=["removed", "not enabled"])
def test_it_is_taken_away_when_asked(status: dict[str, Any], asked: Any):
    members = () if status["state"] == "Succeeded" else BOTH
    spec = ON | {"tensorboard": asked}
    plan = look(*members, status=status, seen_objects=THERE, **spec)
    assert deleted(plan).count("tensorboard") == 1
    assert board_of(look(*members, status=status, **spec)) is None


def test_the_jobs_own_time_takes_all():
    spec = {**with_ttl(60), "runPolicy": {"ttlSecondsAfterFinished": 60}}
    plan = look(status=ended(**spec), seen_objects=THERE, now=at(61), **spec)
    assert [delete.kind for delete in plan.delete] == [ObjectRole.JOB]
