"""A node that is gone: who of those on it is replaced, when, and who never is by us."""

from __future__ import annotations

import json
from typing import Any

import pytest
from job.scenes import at, condition, created, deleted, look, running, seen, started

from akid.job import Member, member_state
from akid.job.api.engine import RoleName
from akid.job.objects.reported import silent_of
from akid.job.planner.dead_nodes import TAINT

LATER = at(60)


def gone(**facts: Any) -> Any:
    return seen("worker-1", **{"node": "node-b", "unreachable": True, "supervised": True, "ready": False} | facts)


def silent(*names: str) -> frozenset[Member]:
    return silent_of(json.dumps({"silent": names}))


@pytest.mark.parametrize("due", [None, at(50)])
def test_a_member_that_nobody_hears_is_deleted_by_force_and_made_anew_uncounted(due: Any):
    lost = gone(deletion_due=due)
    plan = look(seen("worker-0"), lost, status=running(), now=LATER, silent=silent("worker-1"))
    assert (deleted(plan), started(plan)["restarts"]) == (["worker-1!"], 0)
    assert condition(plan, "Restarting") == ("True", "PodDisrupted")
    told = "digits-worker-1 on node-b was lost (NodeLost): node-b does not answer, nor does the trainer on it"
    assert any(told in event.message for event in plan.events)
    assert created(look(seen("worker-0"), status=started(plan), now=LATER)) == ["token", "worker-1"]


@pytest.mark.parametrize(
    ("supervised", "heard"), [(True, silent()), (True, silent("worker-0")), (False, silent("worker-1"))]
)
@pytest.mark.parametrize("due", [None, at(0)])
def test_one_that_is_heard_or_of_which_nobody_knows_is_left_however_long_it_takes(
    supervised: bool, heard: frozenset[Member], due: Any
):
    left = gone(deletion_due=due, supervised=supervised)
    plan = look(seen("worker-0"), left, status=running(), now=at(10_000), silent=heard)
    assert (deleted(plan), created(plan)) == ([], [])


def test_people_are_told_what_they_can_do():
    stuck = gone(deletion_due=at(10), supervised=False)
    plan = look(seen("worker-0"), stuck, status=running(), now=LATER)
    assert plan.events[-1].message == (
        f"digits-worker-1 is deleted, but node-b does not answer: if nothing runs there, taint it with {TAINT}"
    )


def test_so_they_are_where_all_members_are_to_be_replaced_and_no_event_will_come():
    stuck = gone(deletion_due=at(10), supervised=False)
    ended = look(seen("worker-0"), stuck, status=running(), now=at(12), runPolicy={"restartStrategy": "Recreate"})
    assert condition(ended, "Restarting") == ("True", "PodDisrupted")
    assert ended.requeue_after == 8  # ten seconds after it should have been gone
    told = look(stuck, status=started(ended), now=at(20), runPolicy={"restartStrategy": "Recreate"})
    assert condition(told, "Queued") == ("True", "PodTerminating")
    assert TAINT in told.events[-1].message


def test_one_that_had_ended_before_ended_as_it_did():
    ended = seen("worker-1", "Failed", exit_code=137, unreachable=True, supervised=True)
    plan = look(seen("worker-0"), ended, status=running(), silent=silent("worker-1"))
    assert started(plan)["restarts"] == 1


def pod(ready: str, containers: str, **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}, {"type": "ContainersReady", "status": containers}]
    container = {"name": "trainer", "command": ["python", "-m", "akid", "train"]}
    return {"spec": {"containers": [container], **spec}, "status": {"phase": "Running", "conditions": conditions}}


GATED = pod("False", "True", readinessGates=[{"conditionType": "mine"}])


@pytest.mark.parametrize(
    ("told", "unreachable"),
    [(pod("False", "True"), True), (pod("True", "True"), False), (pod("False", "False"), False), (GATED, False)],
)
def test_a_node_that_does_not_answer_is_seen_by_its_pods(told: dict[str, Any], unreachable: bool):
    state = member_state(told)
    assert (state.unreachable, state.supervised) == (unreachable, True)


@pytest.mark.parametrize(
    "body", ["", "[1]", "{}", '{"silent": 1}', '{"silent": [1, "x-1", "worker-x", "worker-"]}']
)
def test_a_chief_that_says_nonsense_misses_nobody(body: str):
    assert silent_of(body) == frozenset()


def test_a_chief_says_whom_it_misses():
    assert silent("worker-1", "ps-0") == {Member(RoleName.WORKER, 1), Member(RoleName.PS, 0)}
