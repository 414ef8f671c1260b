"""Jobs that train with those workers that are there: scaling, and members that are lost."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import manifest
from job.scenes import T0, at, condition, created, deleted, job_with, look, running, seen, started
from job.simulator import Cluster, Operator, settle

from akid.job import CreateFailure, CreateFailureReason, Observed, Plan, PodDefaults, decide
from akid.job.api.status import Status
from akid.job.gang import gang_of
from akid.job.objects.services_and_config import kid_text
from akid.job.planner.conditions import completed_of


def elastic(workers: int = 4, least: int = 2) -> dict[str, Any]:
    return {"name": "multi_worker", "workers": workers, "minWorkers": least}


def running_message(plan: Plan) -> str:
    """What a plan writes about the members that run."""
    found = Status.model_validate(started(plan)).condition("Running")
    assert found is not None
    return found.message


FOUR = [seen(f"worker-{index}") for index in range(4)]
RUNNING = running(4, engine=elastic())


def test_down_only_the_surplus_goes_and_the_others_are_not_touched():
    smaller = look(*FOUR, status=RUNNING, engine=elastic(2))
    assert (deleted(smaller), created(smaller)) == (["worker-2", "worker-3"], [])
    assert [event.reason for event in smaller.events] == ["Scaled"]
    status = started(smaller)
    assert (status.get("attempt", 0), status["workers"], status["ready"]) == (0, 2, "2/2")
    assert status["state"] == "Running"


def test_up_only_what_is_missing_is_made():
    larger = look(*FOUR, status=RUNNING, engine=elastic(6))
    assert (deleted(larger), created(larger)) == ([], ["token", "worker-4", "worker-5"])
    assert started(larger)["ready"] == "4/6"
    assert condition(larger, "Running") == ("True", "MembersMissing")
    assert running_message(larger) == "4 of 6 members are running"


def test_a_surplus_pod_on_its_way_counts_nothing_and_holds_nothing_up():
    leaving = [seen(f"worker-{index}", deletion_due=at(30)) for index in (2, 3)]
    ended = seen("worker-3", "Failed", exit_code=143, deletion_due=at(30))
    status = started(look(*FOUR, status=RUNNING, engine=elastic(2)))
    assert look(*FOUR[:2], *leaving, status=status, engine=elastic(2)).status is None
    assert look(*FOUR[:2], leaving[0], ended, status=status, engine=elastic(2)).status is None
    again = look(*FOUR[:2], leaving[0], status=status, engine=elastic(5))
    assert created(again) == ["token", "worker-3", "worker-4"]  # worker-2's name is not free yet


def test_a_surplus_pod_that_failed_before_counts_and_is_not_made_again():
    failed = seen("worker-3", "Failed", exit_code=137, finished=at(5))
    plan = look(*FOUR[:3], failed, status=RUNNING, engine=elastic(3), now=at(6))
    assert (deleted(plan), created(plan), started(plan)["restarts"]) == (["worker-3"], [], 1)


def test_a_user_s_error_in_a_surplus_pod_ends_the_job():
    failed = seen("worker-3", "Failed", exit_code=1, finished=at(5))
    plan = look(*FOUR[:3], failed, status=RUNNING, engine=elastic(3), now=at(6))
    assert condition(plan, "Failed") == ("True", "PodFailed")


def test_a_pod_that_cannot_be_scheduled_leaves_the_job_running():
    pending = seen("worker-3", "Pending", reason="Unschedulable", message="0/3 nodes are available", created=T0)
    plan = look(
        *FOUR[:3], pending, status=RUNNING, engine=elastic(), now=at(60), runPolicy={"pendingDeadlineSeconds": 1}
    )
    assert (started(plan)["state"], started(plan)["ready"]) == ("Running", "3/4")
    assert condition(plan, "Queued") == ("True", "Unschedulable")
    assert [e.message for e in plan.events if e.reason == "Running"] == ["3 of 4 members are running."]
    later = look(*FOUR[:2], pending, status=started(plan), engine=elastic(), now=at(90))
    assert running_message(later) == "2 of 4 members are running"


@pytest.mark.parametrize("there", [FOUR[:1], FOUR[1:]], ids=["too few", "no chief"])
def test_without_enough_members_or_the_chief_it_does_not_run(there):
    plan = look(*there, status=RUNNING, engine=elastic(), now=at(5))
    assert condition(plan, "Running") == ("False", "PodLost")
    assert started(plan)["state"] == "Restarting"


def test_it_runs_from_the_start_while_a_quota_keeps_members_away():
    full = CreateFailure(CreateFailureReason.QUOTA_EXCEEDED, "exceeded quota: small")
    plan = look(*FOUR[:2], engine=elastic(), create_failures=(full,))
    assert started(plan)["state"] == "Running"
    assert condition(plan, "Queued") == ("True", "QuotaExceeded")


def test_a_member_that_was_done_is_forgotten_with_its_place():
    done = [*FOUR[:3], seen("worker-3", "Succeeded", exit_code=0)]
    status = started(look(*done, status=RUNNING, engine=elastic()))
    assert len(completed_of(Status.model_validate(status))) == 1
    plan = look(*done, status=status, engine=elastic(3))
    assert (deleted(plan), started(plan)["ready"]) == (["worker-3"], "3/3")


def test_one_worker_that_may_become_several_meets_at_a_rendezvous():
    job = job_with(engine=elastic(1, 1))
    plan = look(engine=elastic(1, 1), seen_objects={})
    assert created(plan) == ["config", "token", "rendezvous", "worker-0"]
    decision = decide(manifest(engine=elastic(1, 1)), Observed(), T0, PodDefaults())
    trainer = decision.manifests[-1]["spec"]["containers"][0]
    assert {"name": "AKID_MIN_WORKERS", "value": "1"} in trainer["env"]
    assert "Workers" not in kid_text(job)


def test_a_gang_needs_no_more_than_the_job_does():
    job = job_with(engine=elastic(), scheduling={"gang": "volcano"})
    gang = gang_of(job)
    assert gang is not None
    assert gang.group_spec(job)["minMember"] == 2


def test_four_to_two_to_three_touches_nobody_else():
    cluster = Cluster(manifest(engine=elastic()))
    operator = Operator(cluster, lambda *_: None)
    kept: dict[int, list[str]] = {}
    for workers in (4, 2, 3):
        cluster.edit(("engine", "workers"), workers)
        operator.hear_job()
        for _ in range(5):
            operator.reconcile()
            for name, pod in list(cluster.pods.items()):
                cluster.let_go(pod)
                cluster.run(pod)
                operator.hear(name)
        kept[workers] = [pod["metadata"]["uid"] for _, pod in sorted(cluster.pods.items())]
    assert [len(uids) for uids in kept.values()] == [4, 2, 3]
    assert kept[4][:2] == kept[2] == kept[3][:2]
    settle(cluster, operator)
    assert cluster.job is not None
    assert (cluster.job["status"]["state"], cluster.job["status"]["restarts"]) == ("Succeeded", 0)
