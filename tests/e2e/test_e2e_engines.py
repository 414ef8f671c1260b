"""Kids in other forms, by other engines: parameter servers with an evaluator, a script with params."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster.waiting import wait_for
from csi.gluster import Gluster
from e2e.prepare import ROOT
from e2e.times import Times
from e2e.training import Training, changed
from e2e.volumes import of_job, opened

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
JOBS = ROOT / "examples/jobs"


def test_parameter_servers_train_while_an_evaluator_follows(
    training: Training, gluster: Gluster, times: Times
) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["volumes"] = {"log": of_job(gluster, training.namespace)["log"]}

    with times.of("parameter servers: apply -> Succeeded"):
        training.apply(changed(JOBS / "digits-ps.yaml", "served", change))
        training.trains("served")
        pods = training.pods("served")
        status = training.reach("served", "Succeeded", timeout=300)
    members = ("chief-0", "evaluator-0", "ps-0", "worker-0", "worker-1")
    assert sorted(pods) == [f"served-{member}" for member in members]
    assert {pod["spec"]["nodeName"] for pod in pods.values()} == {"node-a", "node-b"}
    assert (status["progress"]["step"], status["restarts"]) == (600, 0)
    assert status["progress"]["metrics"]["val_accuracy"] > 0.95
    # The evaluator may take a moment longer: for the last checkpoint.
    wait_for(lambda: training.ended("served-evaluator-0"), "the evaluator ends", 60)
    with opened(gluster) as root:
        (path,) = (root / training.namespace).rglob("evaluations.jsonl")
        evaluations = [json.loads(line) for line in path.read_text().splitlines()]
    steps = [evaluation["step"] for evaluation in evaluations]
    assert steps == sorted(set(steps))
    assert set(steps) <= set(range(100, 601, 100))
    assert steps[-1] == 600
    assert evaluations[-1]["val_accuracy"] == pytest.approx(status["progress"]["metrics"]["val_accuracy"])


def test_a_script_is_filled_in_with_its_params(training: Training) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["kid"]["params"]["opt_paras"]["lr"] = 0.03125

    training.apply(changed(JOBS / "script.yaml", "script", change))
    status = training.reach("script", "Succeeded", timeout=180)
    assert status["progress"]["step"] == 300
    told = [line for line in training.lines("script-worker-0") if line.get("kind") == "train"]
    assert {line["lr"] for line in told} == {0.03125}
    assert told[-1]["loss"] < told[0]["loss"] < 3


def test_a_param_that_is_missing_fails_the_job_by_its_name(training: Training) -> None:
    def change(spec: dict[str, Any]) -> None:
        del spec["kid"]["params"]["opt_paras"]

    training.apply(changed(JOBS / "script.yaml", "unfilled", change))
    training.reach("unfilled", "Failed", timeout=120)
    condition = training.condition("unfilled", "Failed")
    assert condition["reason"] == "InvalidKid"
    assert "'opt_paras'" in condition["message"]
