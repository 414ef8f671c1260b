"""How the planner ends jobs. The letters are the defects of the operators before it."""

from __future__ import annotations

from typing import Any

import pytest
from job.scenes import SERVERS, T0, TWO, at, condition, deleted, look, running, seen, started

from akid.job import ObjectRole, Plan
from akid.job.planner.deadlines import LEAVE

FAILED = {"exit_code": 137, "finished": at(10), "message": "killed", "node": "node-a"}


@pytest.mark.parametrize(
    ("engine", "done", "policy", "succeeds"),
    [
        (TWO, ["worker-0"], "Chief", True),
        (TWO, ["worker-1"], "Chief", False),
        (TWO, ["worker-0"], "AllWorkers", False),
        (TWO, ["worker-0", "worker-1"], "AllWorkers", True),
        (SERVERS, ["chief-0"], "Chief", True),
        (SERVERS, ["worker-0", "worker-1", "ps-0", "evaluator-0"], "Chief", False),
        (SERVERS, ["chief-0", "worker-0", "worker-1"], "AllWorkers", True),
        (SERVERS, ["chief-0", "ps-0", "evaluator-0", "worker-0"], "AllWorkers", False),
        ({"name": "single"}, ["worker-0"], "Chief", True),
    ],
)
def test_who_decides_on_success(engine: dict[str, Any], done: list[str], policy: str, succeeds: bool):
    ended = look(*(seen(name, "Succeeded") for name in done), engine=engine, runPolicy={"successPolicy": policy})
    assert (condition(ended, "Succeeded") == ("True", "Completed")) is succeeds


def test_failure_is_judged_before_success():
    both = look(seen("worker-0", "Succeeded"), seen("worker-1", "Failed", exit_code=1), status=running())
    assert condition(both, "Failed") == ("True", "PodFailed")
    assert condition(both, "Succeeded") == ("", "")


def test_a_retryable_failure_beside_success_is_counted_and_the_job_succeeds():
    both = look(seen("worker-0", "Succeeded"), seen("worker-1", "Failed", **FAILED), status=running())
    assert condition(both, "Succeeded")[0] == "True"
    assert (started(both)["restarts"], started(both)["countedPods"]) == (1, ["uid-worker-1"])


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (1, "PodFailed"),
        (2, "InvalidKid"),
        (127, "PodFailed"),
        (42, ""),
        (128, ""),
        (137, ""),
        (139, ""),
        (143, ""),
    ],
)
def test_exit_codes_decide_between_failure_and_restart(code: int, outcome: str):
    ended = look(seen("worker-0"), seen("worker-1", "Failed", exit_code=code), status=running())
    assert condition(ended, "Failed") == (("True", outcome) if outcome else ("", ""))
    assert started(ended)["restarts"] == (0 if outcome else 1)


def test_the_last_failure_is_told():
    failure = look(seen("worker-0"), seen("worker-1", "Failed", **FAILED | {"exit_code": 1}), status=running())
    assert started(failure)["lastFailure"] == {
        "pod": "digits-worker-1", "node": "node-a", "exitCode": 1, "message": "killed",
    }  # fmt: skip
    assert [e.message for e in failure.events] == [
        "The job has failed: digits-worker-1 on node-a failed with exit code 1: killed."
    ]


@pytest.mark.parametrize(
    ("policy", "gone"),
    [("Running", ["worker-1", "", "rendezvous"]), ("All", ["worker-0", "worker-1", "", "rendezvous"]),
     ("None", ["", "rendezvous"])],
)  # fmt: skip
def test_c_the_service_goes_with_the_job_and_pods_by_the_policy(policy: str, gone: list[str]):
    states = (seen("worker-0", "Succeeded"), seen("worker-1"))
    ended = look(*states, runPolicy={"cleanPodPolicy": policy})
    later = look(*states, status=started(ended), now=T0 + LEAVE, runPolicy={"cleanPodPolicy": policy})
    assert deleted(later) == [name or "digits" for name in gone]


@pytest.mark.parametrize(("policy", "gone"), [("Running", True), ("All", True), ("None", False)])
def test_a_side_car_does_not_outlive_the_job(policy: str, gone: bool):
    spec = {"engine": {"name": "single"}, "runPolicy": {"cleanPodPolicy": policy}}
    done = seen("worker-0", "Succeeded", outlived=True)
    ended = look(done, **spec)
    assert (condition(ended, "Succeeded")[0], deleted(ended)) == ("True", [])
    later = look(done, status=started(ended), now=T0 + LEAVE, seen_objects={}, **spec)
    assert deleted(later) == (["worker-0"] if gone else [])
    assert later.requeue_after is None


def test_members_of_a_job_that_succeeded_may_end_by_themselves():
    ended = look(seen("worker-0", "Succeeded"), seen("worker-1"))
    assert (deleted(ended), ended.requeue_after) == ([], LEAVE.total_seconds())
    assert "active" not in started(ended)["replicaStatuses"]["worker"]
    both = (seen("worker-0", "Succeeded"), seen("worker-1", "Succeeded"))
    assert deleted(look(*both, status=started(ended), now=at(1))) == ["digits", "rendezvous"]


def test_members_of_a_job_that_failed_go_at_once():
    assert deleted(look(seen("worker-0", "Failed", exit_code=1), seen("worker-1"))) == [
        "worker-1", "digits", "rendezvous",
    ]  # fmt: skip


def test_h_nothing_is_written_after_the_end():
    ended = started(look(seen("worker-0", "Succeeded"), seen("worker-1"), status=running()))
    after = look(seen("worker-0", "Succeeded"), status=ended, seen_objects={ObjectRole.CONFIG: "u"}, now=at(99))
    assert after == Plan()
