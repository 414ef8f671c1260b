"""Every field of a spec that may be changed is walked through its values, on a job that lives."""

from __future__ import annotations

from typing import Any

import pytest
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

from akid.job.api.engine import Engine
from akid.job.api.job import Spec
from akid.job.api.policy import RunPolicy
from akid.job.crd.rules import UPDATES

TWO = {"name": "multi_worker", "workers": 2}
#: Of a job that runs, values that replace no pod.
LIVE: dict[str, list[Any]] = {
    "maxRestarts": [0, 1000, 1],
    "activeDeadlineSeconds": [3600, 900, None],
    "pendingDeadlineSeconds": [600, 1, None],  # it runs: it is kept from nothing
    "ttlSecondsAfterFinished": [0, 100, None],  # it has not finished
    "cleanPodPolicy": ["All", "None", "Running"],
    "retryableExitCodes": [[], None, [1]],
}
#: Of a job that is suspended, values that its next pods have: the field, the value, what is then in the pod.
SUSPENDED: list[tuple[str, Any, dict[str, Any]]] = [
    ("image", "example/trainer:2", {"image": "example/trainer:2"}),
    ("template", {"spec": {"containers": [{"name": "trainer", "workingDir": "/a"}]}}, {"workingDir": "/a"}),
    ("roles", {"worker": {"template": {"spec": {"containers": [{"name": "trainer", "workingDir": "/b"}]}}}},
     {"workingDir": "/b"}),
    ("scheduling", {"topologySpread": [{"topologyKey": "kubernetes.io/hostname"}]}, {}),
]  # fmt: skip


def aliases(model: Any) -> set[str]:
    """The fields of a model, as manifests name them."""
    return {field.alias or name for name, field in model.model_fields.items()}


def fixed(at: str) -> set[str]:
    """The fields of a part of the spec that may never change, or not while the job is not suspended."""
    return {rule.field for rule in UPDATES if rule.at == at}


def test_the_walk_leaves_no_field_out() -> None:
    assert aliases(RunPolicy) - fixed("spec.runPolicy") == {*LIVE, "suspend"}
    assert aliases(Engine) - fixed("spec.engine") == set()  # of one engine, workers may
    suspended = {rule.field for rule in UPDATES if "suspend" in rule.rule}
    assert {field for field, *_ in SUSPENDED} == suspended
    elsewhere = {"tensorboard"}  # test_boards_on_a_server.py
    assert aliases(Spec) - fixed("spec") - elsewhere == {"engine", "runPolicy"}


def uids(jobs: Jobs) -> dict[str, str]:
    return {name: pod["metadata"]["uid"] for name, pod in jobs.pods().items()}


def settled(jobs: Jobs, state: str = "Running") -> None:
    """The change was seen, and the job is in this state."""
    generation = jobs.get()["metadata"]["generation"]
    wait_for(lambda: jobs.status().get("observedGeneration") == generation, f"{jobs.get()['spec']} is seen", 30)
    jobs.reach(state, timeout=30)


@pytest.mark.cluster
def test_a_policy_is_changed_under_a_job_that_runs_and_holds_from_then_on(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    before = uids(jobs)
    for field, values in LIVE.items():
        for value in values:
            jobs.patch({"runPolicy": {field: value}})
            settled(jobs)
            assert uids(jobs) == before, (field, value)
    jobs.annotate_pod("digits-worker-1", {"run-for": "10ms", "exit-code": "1"})
    wait_for(lambda: jobs.status().get("restarts") == 1, "a failure that was final is worth a restart now")
    jobs.reach("Running", timeout=30)
    assert uids(jobs)["digits-worker-0"] == before["digits-worker-0"]
    jobs.patch({"runPolicy": {"activeDeadlineSeconds": 1}})
    jobs.reach("Failed")
    assert jobs.condition("Failed")["reason"] == "DeadlineExceeded"


@pytest.mark.cluster
def test_workers_are_changed_up_and_down_and_all_run(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    for workers in (3, 1, 4, 2):
        jobs.patch({"engine": {"workers": workers}})
        settled(jobs)
        wait_for(lambda n=workers: jobs.phases() == {f"digits-worker-{i}": "Running" for i in range(n)}, "all run")
    assert not jobs.status().get("restarts")


@pytest.mark.cluster
def test_what_changes_while_it_is_suspended_the_next_pods_have(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=TWO, template=None))
    jobs.reach("Running")
    for attempt, (field, value, there) in enumerate(SUSPENDED, 1):
        jobs.patch({"runPolicy": {"suspend": True}})
        settled(jobs, "Suspended")
        wait_for(lambda: not jobs.pods(), "its pods are gone")
        jobs.patch({field: value})
        jobs.patch({"runPolicy": {"suspend": False}})
        settled(jobs)
        pods = list(jobs.pods().values())
        assert [pod["metadata"]["labels"]["akid.dev/attempt"] for pod in pods] == [str(attempt)] * 2
        assert all(there.items() <= pod["spec"]["containers"][0].items() for pod in pods), field
    assert all(pod["spec"]["topologySpreadConstraints"] for pod in jobs.pods().values())
    assert not jobs.status().get("restarts")
