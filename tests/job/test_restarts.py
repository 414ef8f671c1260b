"""Who is replaced, and what is counted. The letters are the defects of the operators before it."""

from __future__ import annotations

from typing import Any

import pytest
from job.scenes import BOTH, OBJECTS, TWO, at, condition, created, deleted, job_with, look, running, seen, started

from akid.job import Observed, Plan, plan

FAILED = {"exit_code": 137, "finished": at(10), "message": "killed", "node": "node-a"}


def test_b_exactly_the_allowed_restarts_then_failed():
    status = running()
    for restart in (1, 2):
        states = (seen("worker-0"), seen("worker-1", "Failed", uid=f"u{restart}", **FAILED))
        again = look(*states, status=status, runPolicy={"maxRestarts": 2})
        assert started(again)["restarts"] == restart
        status = started(again)
        assert deleted(look(*states, status=status, now=at(10), runPolicy={"maxRestarts": 2})) == ["worker-1"]
    last = look(seen("worker-0"), seen("worker-1", "Failed", uid="u3", **FAILED), status=status,
                runPolicy={"maxRestarts": 2})  # fmt: skip
    assert condition(last, "Failed") == ("True", "RestartLimitExceeded")
    assert started(last)["restarts"] == 2


def test_a_failure_is_counted_once_however_often_it_is_seen():
    states = (seen("worker-0"), seen("worker-1", "Failed", **FAILED))
    status = started(look(*states, status=running()))
    again = look(*states, status=status, now=at(60))
    assert again.status is None
    assert deleted(again) == ["worker-1"]


@pytest.mark.parametrize("strategy", ["InPlace", "Recreate"])
def test_pods_of_another_template_are_all_replaced(strategy: str):
    policy = {"restartStrategy": strategy}
    old = (seen("worker-0", template="other"), seen("worker-1", "Failed", template="other", **FAILED))
    again = look(*old, status=running(runPolicy=policy), runPolicy=policy)
    assert (deleted(again), created(again)) == (["worker-0", "worker-1"], [])
    assert condition(again, "Restarting") == ("True", "TemplateChanged")
    assert started(again)["attempt"] == 1


@pytest.mark.parametrize("template", ["", job_with().spec.template_hash])
def test_pods_of_this_template_or_of_an_earlier_version_stay(template: str):
    assert look(seen("worker-0", template=template), seen("worker-1"), status=running()) == Plan()


def test_in_place_only_the_lost_member_is_replaced():
    assert created(look(seen("worker-0"), status=running())) == ["token", "worker-1"]


def test_recreate_replaces_all_and_counts_one():
    failed = [seen(name, "Failed", **FAILED) for name in ("worker-0", "worker-1")]
    again = look(*failed, status=running(), runPolicy={"restartStrategy": "Recreate"})
    assert (started(again)["restarts"], started(again)["attempt"]) == (1, 1)
    assert (deleted(again), created(again)) == (["worker-0", "worker-1"], [])


@pytest.mark.parametrize(
    ("lost", "reason"),
    [([seen("worker-1", "Running", deletion_due=at(5))], "PodDisrupted"),
     ([seen("worker-1", "Failed", disrupted=True, created=at(-60))], "PodDisrupted"), ([], "PodLost")],
)  # fmt: skip
def test_recreate_replaces_all_when_one_is_disrupted_or_gone(lost: list[Any], reason: str):
    again = look(seen("worker-0"), *lost, status=running(), runPolicy={"restartStrategy": "Recreate"})
    assert condition(again, "Restarting") == ("True", reason)
    assert (started(again)["restarts"], started(again)["attempt"]) == (0, 1)


def test_recreate_makes_no_new_pod_before_all_old_are_gone():
    status = started(look(*BOTH[:1], status=running(), runPolicy={"restartStrategy": "Recreate"}))
    policy = {"restartStrategy": "Recreate"}
    assert created(look(seen("worker-0", deletion_due=at(9)), status=status, runPolicy=policy)) == []
    fresh = look(status=status, runPolicy=policy)
    assert created(fresh) == ["worker-0", "worker-1"]
    assert {create.attempt for create in fresh.create} == {1}


@pytest.mark.parametrize(
    "facts", [{"disrupted": True}, {"deletion_due": at(30)}, {"exit_code": 1, "deletion_due": at(30)}]
)
def test_g_disruptions_are_not_counted(facts: dict[str, Any]):
    lost = look(seen("worker-0"), seen("worker-1", "Failed", **{"exit_code": 143} | facts), status=running())
    assert (started(lost)["restarts"], started(lost).get("countedPods", [])) == (0, [])
    assert condition(lost, "Restarting") == ("True", "PodDisrupted")


def test_a_pod_disrupted_at_once_is_not_replaced_at_once():
    lost = look(seen("worker-0"), seen("worker-1", "Failed", disrupted=True), now=at(1), status=running())
    assert (deleted(lost), lost.requeue_after) == ([], 4)
    later = look(seen("worker-0"), seen("worker-1", "Failed", disrupted=True), now=at(5), status=running())
    assert deleted(later) == ["worker-1"]


def test_e_a_finished_pod_that_disappears_is_never_run_again():
    policy = {"successPolicy": "AllWorkers"}
    status = started(look(seen("worker-0"), seen("worker-1", "Succeeded"), runPolicy=policy))
    assert status["replicaStatuses"]["worker"]["completedIndexes"] == "1"
    assert created(look(seen("worker-0"), status=status, runPolicy=policy)) == []
    ended = look(seen("worker-0", "Succeeded"), status=status, runPolicy=policy)
    assert condition(ended, "Succeeded")[0] == "True"


def test_f_a_pod_on_a_dead_node_is_deleted_by_force():
    stuck = seen("worker-1", deletion_due=at(10), node="node-a")
    early = look(seen("worker-0"), stuck, status=running(), now=at(11))
    assert (deleted(early), early.requeue_after) == ([], 9)
    told = look(seen("worker-0"), stuck, status=started(early), now=at(20))
    assert (deleted(told), told.requeue_after) == ([], 20)
    assert condition(told, "Queued") == ("True", "PodTerminating")
    assert told.events[-1].message == (
        "digits-worker-1 on node-a is deleted, but is not gone; at 2026-01-01T12:00:40Z it is taken away by force"
    )
    assert deleted(look(seen("worker-0"), stuck, status=started(told), now=at(40))) == ["worker-1!"]


def test_a_pod_that_a_finalizer_keeps_is_told_and_not_deleted_again():
    kept = seen("worker-1", deletion_due=at(10), finalizer_blocked=True)
    early = look(seen("worker-0"), kept, status=running(), now=at(11))
    assert (deleted(early), early.requeue_after) == ([], 9)
    late = look(seen("worker-0"), kept, status=started(early), now=at(60))
    assert (deleted(late), created(late)) == ([], [])
    assert condition(late, "Queued") == ("True", "PodTerminating")


def test_a_pod_whose_deletion_stopped_half_way_is_deleted_once_more():
    left = seen("worker-1", deletion_due=at(10), half_deleted=True)
    early = look(seen("worker-0"), left, status=running(), now=at(11))
    assert (deleted(early), early.requeue_after) == ([], 1)
    assert deleted(look(seen("worker-0"), left, status=started(early), now=at(12))) == ["worker-1!"]


def test_a_failure_that_was_counted_is_not_told_again_when_its_pod_goes():
    failed = {"exit_code": 137, "uid": "u1"}
    status = started(look(seen("worker-0"), seen("worker-1", "Failed", **failed), status=running()))
    going = look(seen("worker-0"), seen("worker-1", "Failed", deletion_due=at(5), **failed), status=status)
    assert going.events == ()


def test_a_member_that_is_gone_is_told_by_name():
    (told,) = look(seen("worker-0"), status=running()).events
    assert (told.reason, told.message) == ("Restarting", "digits-worker-1 is gone; not counted.")


def test_each_reason_to_wait_is_told_once():
    waits = {"created": at(-60), "message": "m"}
    status, told = running(), []
    for reason in ("Unschedulable", "Unschedulable", "ErrImagePull", "ImagePullBackOff", "ErrImagePull"):
        plan = look(seen("worker-0"), seen("worker-1", "Pending", reason=reason, **waits), status=status)
        status, told = plan.status or status, told + [e.reason for e in plan.events if e.reason != "Restarting"]
    assert told == ["Unschedulable", "ImagePullBackOff"]


def test_i_pods_of_a_later_attempt_are_taken_up_not_deleted():
    old_status = running()
    members = [seen(name, attempt=3) for name in ("worker-0", "worker-1")]
    taken = look(*members, status=old_status)
    assert (started(taken)["attempt"], deleted(taken), created(taken)) == (3, [], [])


def test_a_pod_with_a_strange_label_is_removed():
    stranger = seen("worker-7", uid="stranger")
    assert deleted(look(*BOTH, stranger, status=running())) == ["worker-7"]


SCALED = {"engine": {"name": "multi_worker", "workers": 1}}


@pytest.mark.parametrize(
    ("left", "spec", "again"),
    [([], {"runPolicy": {"restartStrategy": "Recreate"}}, 0.0), ([], SCALED, 0.0),
     ([seen("worker-0")], SCALED, None)],
    ids=["recreated", "scaled", "one is left"],
)  # fmt: skip
def test_an_attempt_that_begins_without_pods_is_gone_on_with_at_once(left: list[Any], spec: Any, again: Any):
    begun = look(*left, status=running(), **spec)
    assert (started(begun)["attempt"], created(begun)) == (1, [])
    assert begun.requeue_after == again


@pytest.mark.parametrize("strategy", ["InPlace", "Recreate"])
def test_where_nodes_refuse_one_after_the_other_the_next_is_made_ever_later(strategy: str):
    policy = {"restartStrategy": strategy}
    status, waits = running(runPolicy=policy), []
    for pod in range(9):
        refused = seen("worker-1", "Failed", uid=f"u{pod}", attempt=status.get("attempt", 0),
                       disrupted=True, refused=True)  # fmt: skip
        peer = seen("worker-0", attempt=status.get("attempt", 0))
        first = look(peer, refused, status=status, runPolicy=policy)
        waits.append(first.requeue_after)
        status = started(first)
        later = look(peer, refused, status=status, runPolicy=policy, now=at(waits[-1]))
        assert "worker-1" in deleted(later)
        status = later.status or status
    assert waits == [5, 10, 20, 40, 80, 160, 320, 360, 360]
    both = [seen(name, attempt=status.get("attempt", 0)) for name in ("worker-0", "worker-1")]
    assert "refusals" not in started(look(*both, status=status, runPolicy=policy))


def test_a_disruption_is_told_once_whatever_is_written_later():
    lost = seen("worker-1", "Failed", deletion_due=at(30), disrupted=True)
    first = look(seen("worker-0"), lost, status=running(), now=at(10))
    assert [event.reason for event in first.events] == ["Restarting"]
    failed = seen("worker-0", "Failed", **FAILED)
    again = look(failed, lost, status=started(first), now=at(10))
    assert [event.message.split()[0] for event in again.events] == ["digits-worker-0"]


def test_a_lower_limit_lowers_no_count():
    states = (seen("worker-0"), seen("worker-1", "Failed", **{**FAILED, "exit_code": 1}))
    ended = look(*states, status={**running(), "restarts": 3}, runPolicy={"maxRestarts": 1})
    assert started(ended)["restarts"] == 3


def test_every_condition_is_of_the_generation_that_was_judged():
    job = job_with(running(), engine=TWO)
    edited = job.model_copy(update={"metadata": job.metadata.model_copy(update={"generation": 7})})
    status = started(plan(edited, Observed(members=BOTH, objects=OBJECTS), at(60)))
    assert {condition["observedGeneration"] for condition in status["conditions"]} == {7}
