"""What the planner makes and tells, rule by rule. The letters are the defects of the operators before it."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import manifest
from job.scenes import (
    BOTH,
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
)

from akid.job import CreateFailure, CreateFailureReason, ObjectRole, Observed, Plan, parse, plan
from akid.job.api.status import Progress
from akid.job.planner.conditions import COUNTS


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


def test_without_a_kid_there_is_no_config_map():
    spec = {"kid": None, "template": OWN_PROGRAM, "runPolicy": {"restartStrategy": "Recreate"}}
    assert created(look(seen_objects={}, **spec)) == ["service", "worker-0", "worker-1"]


def test_roles_of_a_parameter_server_job():
    made = created(look(engine=SERVERS))
    assert made == ["token", "chief-0", "worker-0", "worker-1", "ps-0", "evaluator-0"]


def test_foreign_images_have_no_rendezvous():
    made = created(look(seen_objects={}, runPolicy={"restartStrategy": "Recreate"}))
    assert made == ["config", "service", "worker-0", "worker-1"]


def test_a_claim_template_becomes_a_claim():
    template = {"spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}
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


def test_who_is_done_is_written_soon():
    done = look(seen("worker-0"), seen("worker-1", "Succeeded"), status=running(),
                runPolicy={"successPolicy": "AllWorkers"})  # fmt: skip
    assert done.status is not None
    assert 0 < done.patience < COUNTS


def test_n_a_change_of_workers_is_a_new_attempt_of_all():
    grown = look(*BOTH, status=running(), engine={**TWO, "workers": 3})
    assert (started(grown)["attempt"], started(grown)["workers"], started(grown)["restarts"]) == (1, 3, 0)
    assert (deleted(grown), created(grown)) == (["worker-0", "worker-1"], [])
    assert condition(grown, "Restarting") == ("True", "WorkersChanged")
    assert created(look(status=started(grown), engine={**TWO, "workers": 3}))[1:] == [
        "worker-0", "worker-1", "worker-2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "kind", [CreateFailureReason.NAME_CONFLICT, CreateFailureReason.QUOTA_EXCEEDED, CreateFailureReason.FORBIDDEN]
)
def test_trouble_that_passes_is_waited_out(kind: CreateFailureReason):
    failure = CreateFailure(kind, "pods are forbidden", retry_at=at(4))
    waiting = look(create_failures=(failure,))
    assert condition(waiting, "Queued") == ("True", str(kind))
    assert (created(waiting), waiting.requeue_after) == ([], 4)
    assert created(look(create_failures=(failure,), now=at(4), status=started(waiting))) == ["token", "worker-0"]
    assert condition(look(*BOTH, status=started(waiting)), "Queued") == ("False", "Admitted")


def test_a_refusal_of_what_is_not_wanted_any_more_is_not_waited_for():
    failure = CreateFailure(CreateFailureReason.QUOTA_EXCEEDED, "full", retry_at=at(4))
    waiting = started(look(seen("worker-0"), create_failures=(failure,)))
    assert condition(look(*BOTH, create_failures=(failure,), status=waiting), "Queued") == ("False", "Admitted")


def test_a_template_the_server_refuses_fails_the_job():
    refused = look(
        create_failures=(CreateFailure(CreateFailureReason.INVALID_TEMPLATE, 'unknown field "spec.containrs"'),)
    )
    assert condition(refused, "Failed") == ("True", "InvalidTemplate")


def test_a_job_that_is_being_deleted_is_let_go():
    raw = manifest(engine=TWO)
    raw["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    stuck = (seen("worker-0"), seen("worker-1", deletion_due=T0))
    assert plan(parse(raw), Observed(members=stuck), at(1)).requeue_after == 29
    assert deleted(plan(parse(raw), Observed(members=stuck), at(30))) == ["worker-1!"]


def test_objects_deleted_behind_its_back_are_made_again():
    kept = {kind: uid for kind, uid in OBJECTS.items() if kind is not ObjectRole.RENDEZVOUS}
    assert created(look(*BOTH, status=running(), seen_objects=kept)) == ["rendezvous"]


def test_a_status_lost_is_built_again():
    again = look(*BOTH)
    assert (started(again)["state"], created(again), deleted(again)) == ("Running", [], [])


def test_a_status_survives_the_way_through_the_server():
    assert job_with(running()).status.to_json() == running()
