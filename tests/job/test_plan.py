"""What the planner does, rule by rule. The letters are the defects of the operators before it."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import manifest
from job.scenes import (
    OBJECTS,
    SERVERS,
    T0,
    TWO,
    at,
    condition,
    created,
    deleted,
    job_with,
    look,
    running,
    seen,
    started,
)  # fmt: skip

from akid.job import Kind, Observed, Plan, Trouble, TroubleKind, parse, plan
from akid.job.reported import Progress
from akid.job.status import COUNTS

BOTH = (seen("worker-0"), seen("worker-1"))
FAILED = {"exit_code": 137, "finished": at(10), "message": "killed", "node": "node-a"}


def test_a_new_job_gets_its_objects_then_its_pods():
    first = look(seen_objects={})
    assert created(first) == ["config", "token", "rendezvous", "worker-0", "worker-1"]
    assert started(first)["state"] == "Created"
    assert started(first)["ready"] == "0/2"
    assert [event.reason for event in first.events] == ["Created"]


OWN_PROGRAM = {"spec": {"containers": [{"name": "trainer", "command": ["python", "train.py"]}]}}


@pytest.mark.parametrize(
    ("spec", "services"),
    [({}, ["rendezvous"]),
     ({"template": OWN_PROGRAM}, ["service", "rendezvous"]),
     ({"engine": SERVERS, "roles": {"evaluator": {"template": OWN_PROGRAM}}}, ["service", "rendezvous"]),
     ({"runPolicy": {"restartStrategy": "Recreate"}}, ["service"])],
    ids=["akid's trainer", "own program", "own program of one role", "no supervisor"],
)  # fmt: skip
def test_names_are_served_to_programs_that_read_tf_config_themselves(spec: Any, services: list[str]):
    assert [
        made for made in created(look(seen_objects={}, **spec)) if made in ("service", "rendezvous")
    ] == services


def test_a_single_job_needs_no_service_and_no_rendezvous():
    assert created(look(seen_objects={}, engine={"name": "single"})) == ["config", "worker-0"]


def test_roles_of_a_parameter_server_job():
    made = created(look(engine=SERVERS))
    assert made == ["token", "chief-0", "worker-0", "worker-1", "ps-0", "evaluator-0"]


def test_foreign_images_have_no_rendezvous():
    made = created(look(seen_objects={}, runPolicy={"restartStrategy": "Recreate"}))
    assert made == ["config", "service", "worker-0", "worker-1"]


def test_a_claim_template_becomes_a_claim():
    template = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    assert "log" in created(look(volumes={"log": {"claimTemplate": template}}))


def test_a_job_runs_when_every_member_runs():
    partly = look(seen("worker-0"), seen("worker-1", "Pending"), status=started(look()))
    assert condition(partly, "Running") == ("", "")
    assert condition(look(*BOTH, status=started(look())), "Running") == ("True", "AllRunning")


def test_nothing_is_written_when_nothing_changed():
    assert look(*BOTH, status=running()) == Plan()


def test_counts_alone_can_wait():
    waiting = look(seen("worker-0", "Pending"), seen("worker-1", "Pending"), status=started(look()))
    assert waiting.patience == COUNTS
    assert not waiting.events
    assert started(waiting)["replicaStatuses"]["worker"]["active"] == 2


def test_progress_alone_can_wait():
    told = look(*BOTH, status=running(), progress=Progress(step=7))
    assert told.patience == COUNTS
    assert started(told)["progress"] == {"step": 7}


# -- restarts ---------------------------------------------------------------------------------------------


def test_b_exactly_the_allowed_restarts_then_failed():
    status = running()
    for restart in (1, 2):
        states = (seen("worker-0"), seen("worker-1", "Failed", uid=f"u{restart}", **FAILED))
        again = look(*states, status=status, runPolicy={"maxRestarts": 2})
        assert started(again)["restarts"] == restart
        assert deleted(again) == ["worker-1"]
        status = started(again)
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
    stuck = seen("worker-1", deletion_due=at(10))
    early = look(seen("worker-0"), stuck, status=running(), now=at(11))
    assert (deleted(early), early.requeue_after) == ([], 29)
    assert deleted(look(seen("worker-0"), stuck, status=running(), now=at(40))) == ["worker-1!"]


def test_a_pod_that_a_finalizer_keeps_is_told_and_not_deleted_again():
    kept = seen("worker-1", deletion_due=at(10), held=True)
    early = look(seen("worker-0"), kept, status=running(), now=at(11))
    assert (deleted(early), early.requeue_after) == ([], 9)
    late = look(seen("worker-0"), kept, status=started(early), now=at(60))
    assert (deleted(late), created(late)) == ([], [])
    assert condition(late, "Queued") == ("True", "PodTerminating")


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


# -- times ------------------------------------------------------------------------------------------------


def test_a_the_active_deadline_is_kept():
    policy = {"activeDeadlineSeconds": 60}
    early = look(*BOTH, status=running(runPolicy=policy), runPolicy=policy, now=at(20))
    assert early.requeue_after == 40
    late = look(*BOTH, status=running(runPolicy=policy), runPolicy=policy, now=at(60))
    assert condition(late, "Failed") == ("True", "DeadlineExceeded")


def test_p_pods_pending_for_too_long_fail_the_job():
    policy = {"pendingDeadlineSeconds": 60}
    pending = (seen("worker-0"), seen("worker-1", "Pending", reason="Unschedulable", message="no GPU"))
    status = started(look(*pending, runPolicy=policy, now=at(0)))
    queued = look(*pending, runPolicy=policy, status=status, now=at(20))
    assert condition(queued, "Queued") == ("True", "Unschedulable")
    assert [event.message for event in queued.events] == ["digits-worker-1: no GPU"]
    assert queued.requeue_after == 40
    late = look(*pending, runPolicy=policy, status=started(queued), now=at(60))
    assert condition(late, "Failed") == ("True", "PendingDeadlineExceeded")
    assert "not running for 60 s: digits-worker-1: no GPU" in late.events[0].message


def test_m_ttl_is_exact_and_waits_while_suspended():
    policy = {"ttlSecondsAfterFinished": 30}
    ended = started(look(seen("worker-0", "Succeeded"), runPolicy=policy))
    assert look(status=ended, runPolicy=policy, seen_objects={}, now=at(10)).requeue_after == 20
    gone = look(status=ended, runPolicy=policy, seen_objects={}, now=at(30))
    assert [(d.kind, d.name, d.uid) for d in gone.delete] == [(Kind.JOB, "digits", "job-uid")]
    kept = look(status=ended, runPolicy={**policy, "suspend": True}, seen_objects={}, now=at(99))
    assert kept == Plan()


def test_a_clock_that_jumps_back_ends_nothing():
    policy = {"activeDeadlineSeconds": 60}
    back = look(*BOTH, status=running(runPolicy=policy), runPolicy=policy, now=at(-3600))
    assert (back.status, back.requeue_after) == (None, 3660)


# -- suspension, size, queues -----------------------------------------------------------------------------


def test_suspend_takes_the_pods_and_resume_makes_a_new_attempt():
    suspended = look(*BOTH, status=running(), runPolicy={"suspend": True})
    assert (deleted(suspended), started(suspended)["state"]) == (["worker-0", "worker-1"], "Suspended")
    assert "startTime" not in started(suspended)
    resumed = look(status=started(suspended), now=at(500))
    assert (created(resumed), started(resumed)["attempt"]) == (["token", "worker-0", "worker-1"], 1)
    assert started(resumed)["startTime"] == "2026-01-01T12:08:20Z"
    assert "Resumed" in [event.reason for event in resumed.events]


def test_a_job_created_suspended_has_no_pods_and_its_first_attempt_is_the_first():
    suspended = look(runPolicy={"suspend": True})
    assert (created(suspended), suspended.requeue_after) == ([], None)
    assert started(look(status=started(suspended))).get("attempt", 0) == 0


def test_suspended_jobs_have_no_deadline():
    policy = {"suspend": True, "activeDeadlineSeconds": 5, "pendingDeadlineSeconds": 5}
    assert look(status=started(look(runPolicy=policy)), runPolicy=policy, now=at(99)) == Plan()


def test_n_a_change_of_workers_is_a_new_attempt_of_all():
    grown = look(*BOTH, status=running(), engine={**TWO, "workers": 3})
    assert (started(grown)["attempt"], started(grown)["workers"], started(grown)["restarts"]) == (1, 3, 0)
    assert (deleted(grown), created(grown)) == (["worker-0", "worker-1"], [])
    assert condition(grown, "Restarting") == ("True", "WorkersChanged")
    assert created(look(status=started(grown), engine={**TWO, "workers": 3}))[1:] == [
        "worker-0", "worker-1", "worker-2",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [TroubleKind.NAME_CONFLICT, TroubleKind.QUOTA_EXCEEDED, TroubleKind.FORBIDDEN])
def test_trouble_that_passes_is_waited_out(kind: TroubleKind):
    waiting = look(troubles=(Trouble(kind, "pods are forbidden"),))
    assert condition(waiting, "Queued") == ("True", str(kind))
    assert (created(waiting)[1:], waiting.requeue_after) == (["worker-0", "worker-1"], 5)
    assert condition(look(*BOTH, status=started(waiting)), "Queued") == ("False", "Admitted")


def test_a_template_the_server_refuses_fails_the_job():
    refused = look(troubles=(Trouble(TroubleKind.INVALID_TEMPLATE, 'unknown field "spec.containrs"'),))
    assert condition(refused, "Failed") == ("True", "InvalidTemplate")


def test_a_job_that_is_being_deleted_is_let_go():
    raw = manifest(engine=TWO)
    raw["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    stuck = (seen("worker-0"), seen("worker-1", deletion_due=T0))
    assert plan(parse(raw), Observed(members=stuck), at(1)).requeue_after == 29
    assert deleted(plan(parse(raw), Observed(members=stuck), at(30))) == ["worker-1!"]


def test_objects_deleted_behind_its_back_are_made_again():
    kept = {kind: uid for kind, uid in OBJECTS.items() if kind is not Kind.RENDEZVOUS}
    assert created(look(*BOTH, status=running(), seen_objects=kept)) == ["rendezvous"]


def test_a_status_lost_is_built_again():
    again = look(*BOTH)
    assert (started(again)["state"], created(again), deleted(again)) == ("Running", [], [])


def test_a_status_survives_the_way_through_the_server():
    assert job_with(running()).status.to_json() == running()


def test_a_job_suspended_after_its_deadline_is_suspended():
    policy = {"activeDeadlineSeconds": 60}
    late = look(*BOTH, status=running(runPolicy=policy), runPolicy={**policy, "suspend": True}, now=at(61))
    assert started(late)["state"] == "Suspended"


def test_p_the_pending_deadline_counts_from_the_loss_not_from_the_start():
    policy = {"pendingDeadlineSeconds": 60}
    lost = look(seen("worker-0"), status=running(runPolicy=policy), runPolicy=policy, now=at(1000))
    assert condition(lost, "Running") == ("False", "PodLost")
    waiting = (seen("worker-0"), seen("worker-1", "Pending", created=at(1000)))
    assert look(*waiting, status=started(lost), runPolicy=policy, now=at(1030)).requeue_after == 30
    late = look(*waiting, status=started(lost), runPolicy=policy, now=at(1060))
    assert condition(late, "Failed") == ("True", "PendingDeadlineExceeded")


def test_who_is_done_is_written_soon():
    done = look(seen("worker-0"), seen("worker-1", "Succeeded"), status=running(),
                runPolicy={"successPolicy": "AllWorkers"})  # fmt: skip
    assert done.status is not None
    assert 0 < done.patience < COUNTS
