"""A job that is tuned, on a real control plane: its trials are jobs, and all of it survives what may happen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from akid_operator.kube.api import Call
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster
DONE = json.dumps({"step": 100, "valLoss": 0.25, "metrics": {"val_accuracy": 0.9}})
RATES = [0.1, 0.2, 0.3, 0.4]


def tuned(plays: dict[str, str], **tune: Any) -> dict[str, Any]:
    """A job that is tuned, whose trials do as it says."""
    grid = {"optParas": [{"lr": rate} for rate in RATES], "parallelism": 2}
    return job(plays=plays, tune=grid | tune)


def trials(jobs: Jobs) -> dict[str, str]:
    """The trials' jobs by name, and their states."""
    path = f"/apis/akid.dev/v1alpha1/namespaces/{jobs.namespace}/akidjobs?labelSelector=akid.dev/tune=digits"
    return {one["metadata"]["name"]: one.get("status", {}).get("state", "") for one in jobs.api.get(path)["items"]}


def test_every_trial_is_a_job_and_the_best_one_is_named(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(tuned({"run-for": "300ms", "message": DONE}, objective={"metric": "val_accuracy"}))
    status = jobs.reach("Succeeded", timeout=60)
    assert trials(jobs) == {f"digits-t{number}": "Succeeded" for number in range(4)}
    assert (status["trials"]["finished"], status["trials"]["succeededIndexes"]) == ("4/4", "0-3")
    best = {"trial": 0, "name": "digits-t0", "metric": "val_accuracy", "value": 0.9, "step": 100}
    best["parameters"] = {"netParas": {}, "optParas": {"lr": 0.1}, "repeat": 0}
    assert status["best"] == best
    kid = jobs.get("digits-t2")["spec"]["kid"]
    assert kid["params"] == {"net_paras": {}, "opt_paras": {"lr": 0.3}, "repeat": 0}
    assert jobs.names("pods") == [f"digits-t{number}-worker-0" for number in range(4)]
    wait_for(lambda: jobs.reasons() == ["Created", "Running", "Succeeded"], f"events {jobs.reasons()}")
    rows = jobs.cluster.kubectl("get", "-n", jobs.namespace, "akidjobs/digits", "-o", "wide").splitlines()
    assert {"TRIALS", "BEST"} <= set(rows[0].split())
    assert {"4/4", "0.9"} <= set(rows[1].split())


def test_what_fails_is_counted_and_ends_it_beyond_its_limit(jobs: Jobs, hosted: Hosted) -> None:
    plays = {"run-for": "100ms", "exit-code": "1", "message": "no data"}
    jobs.create(tuned(plays, maxFailedTrials=1, parallelism=1))
    status = jobs.reach("Failed", timeout=60)
    assert jobs.condition("Failed")["reason"] == "TooManyFailedTrials"
    assert "digits-t1: PodFailed: digits-t1-worker-0 exit code 1: no data" in status["message"]
    assert status["trials"]["failedIndexes"] == "0-1"


def test_a_restart_of_the_operator_runs_no_trial_twice(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host() as first:
        jobs.create(tuned({"run-for": "1s", "message": DONE}))
        wait_for(lambda: "Succeeded" in trials(jobs).values(), "the first trial has ended", 30)
    with host() as second:
        jobs.reach("Succeeded", timeout=60)
        made = [*first.api.writes(), *second.api.writes()]
    assert made.count("POST akidjobs") == len(RATES)
    assert made.count("POST pods") == len(RATES)


def test_suspended_it_has_no_pods_and_deleted_no_trials(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(tuned({}))
    wait_for(lambda: list(trials(jobs).values()) == ["Running", "Running"], "two trials run", 30)
    uids = {name: jobs.get(name)["metadata"]["uid"] for name in trials(jobs)}
    jobs.patch({"runPolicy": {"suspend": True}})
    wait_for(lambda: list(trials(jobs).values()) == ["Suspended", "Suspended"], "they are suspended", 30)
    assert jobs.state() == "Suspended"
    wait_for(lambda: not jobs.names("pods"), "the pods are gone")
    jobs.patch({"runPolicy": {"suspend": False}})
    wait_for(lambda: list(trials(jobs).values()) == ["Running", "Running"], "they go on", 30)
    assert {name: jobs.get(name)["metadata"]["uid"] for name in trials(jobs)} == uids
    jobs.delete()
    wait_for(lambda: not trials(jobs) and not jobs.names("pods"), "all of it is gone", 30)


def test_a_trial_that_somebody_deletes_runs_anew(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(tuned({}))
    wait_for(lambda: list(trials(jobs).values()) == ["Running", "Running"], "two trials run", 30)
    uid = jobs.get("digits-t0")["metadata"]["uid"]
    jobs.delete("digits-t0")

    def anew() -> bool:
        found = jobs.find("digits-t0")
        return found is not None and found["metadata"]["uid"] != uid

    wait_for(anew, "it was made anew", 30)


def about(call: Call) -> str:
    """The job or the object a write is about."""
    body = call.body or {}
    told = body.get("involvedObject") or body.get("metadata") or {}
    return told.get("name") or call.path.rpartition("/")[2]


@pytest.mark.serial  # what is written together depends on how fast it goes
def test_a_hundred_trials_cost_a_fifth_more_writes_than_their_jobs_do(jobs: Jobs, hosted: Hosted) -> None:
    rates = [{"lr": number / 100} for number in range(1, 101)]
    jobs.create(tuned({"run-for": "500ms", "message": DONE}, optParas=rates, parallelism=20))
    jobs.reach("Succeeded", timeout=240)
    wait_for(lambda: "Succeeded" in jobs.reasons(), "all events are there")
    writes = [call for call in hosted.api.sent if call.writes]
    of_trials = [c for c in writes if about(c).startswith("digits-t") and not c.path.endswith("akidjobs")]
    assert len(of_trials) >= 100 * 5
    assert len(writes) <= 1.2 * len(of_trials), (len(writes), len(of_trials))
