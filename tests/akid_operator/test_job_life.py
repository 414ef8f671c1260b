"""A job's whole life on a real control plane, as a user sees it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, example, job, played

pytestmark = pytest.mark.cluster

FOUR = {"name": "multi_worker", "workers": 4}


def test_the_example_goes_from_created_to_succeeded(jobs: Jobs, hosted: Hosted) -> None:
    manifest = example("digits.yaml")
    manifest["spec"] |= {
        "image": "example/trainer:1",
        "template": {"metadata": {"annotations": played({"run-for": "1s"})}},
    }
    jobs.create(manifest)
    jobs.reach("Running")
    assert jobs.phases() == {"digits-worker-0": "Running"}
    status = jobs.reach("Succeeded")
    assert status["completionTime"]
    assert jobs.phases() == {"digits-worker-0": "Succeeded"}
    assert jobs.reasons() == ["Created", "Running", "Succeeded"]


def test_kubectl_waits_for_it_and_describes_it(jobs: Jobs, hosted: Hosted, akid_cluster: Cluster) -> None:
    jobs.create(job(plays={"run-for": "500ms"}))
    target = ("-n", jobs.namespace, "akidjob/digits")
    assert "condition met" in akid_cluster.kubectl("wait", "--for=condition=Succeeded", "--timeout=20s", *target)
    wait_for(lambda: len(jobs.events()) == 3, "all events are there")
    told = akid_cluster.kubectl("describe", *target)
    assert "The job starts with 1 members." in told
    assert "The job has succeeded: digits-worker-0 finished." in told
    row = akid_cluster.kubectl("get", "-n", jobs.namespace, "akidjobs").splitlines()[1]
    assert row.split()[:4] == ["digits", "single", "Succeeded", "1/1"]


def test_several_workers_get_all_they_need(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=FOUR))
    jobs.reach("Running")
    pods = jobs.pods()
    assert sorted(pods) == [f"digits-worker-{index}" for index in range(4)]
    assert jobs.names("services") == ["digits-rendezvous"]
    assert jobs.names("configmaps") == ["digits-kid"]
    assert [name.rpartition("-")[0] for name in jobs.names("secrets")] == ["digits-token"]
    container = pods["digits-worker-2"]["spec"]["containers"][0]
    env: dict[str, Any] = {entry["name"]: entry.get("value") for entry in container["env"]}
    config = json.loads(env["TF_CONFIG"])
    assert config["task"] == {"type": "worker", "index": 2}
    assert len(config["cluster"]["worker"]) == 4


@pytest.mark.serial  # what is written together depends on how fast it goes
def test_a_job_of_four_pods_costs_no_more_than_fourteen_writes(jobs: Jobs, hosted: Hosted) -> None:
    begun = time.monotonic()
    jobs.create(job(engine=FOUR))
    jobs.reach("Running")
    took = time.monotonic() - begun
    wait_for(lambda: jobs.status().get("ready") == "4/4", "all are ready")
    for index in range(4):
        jobs.annotate_pod(f"digits-worker-{index}", {"run-for": "300ms"})
    jobs.reach("Succeeded")
    wait_for(lambda: len(jobs.events()) == 3, "all events are there")
    wait_for(lambda: not jobs.names("services"), "the Service is gone")
    writes = Counter(hosted.api.writes())
    # Counts alone are written at most once a second, while it starts.
    assert writes.pop("PUT akidjobs/status") <= 3 + int(took)
    assert writes == {
        "POST pods": 4,
        "POST services": 1,
        "POST configmaps": 1,
        "POST secrets": 1,
        "POST events": 3,
        "DELETE services": 1,
    }


def test_a_running_job_is_left_alone(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host(resync=0.5) as operator:
        jobs.create(job(engine=FOUR))
        jobs.reach("Running")
        wait_for(lambda: jobs.status().get("ready") == "4/4", "all are ready")
        before, resyncs = len(operator.api.writes()), operator.api.reads().count("GET akidjobs")
        wait_for(lambda: operator.api.reads().count("GET akidjobs") > resyncs + 9, "three more resyncs")
        assert operator.api.writes()[before:] == []


def test_a_job_that_is_not_valid_fails_with_the_path(jobs: Jobs, hosted: Hosted) -> None:
    deep: dict[str, Any] = {}
    for _ in range(70):
        deep = {"a": deep}
    jobs.create(job(kid={"script": "def setup(): ...", "params": deep}))
    jobs.reach("Failed")
    condition = jobs.condition("Failed")
    assert condition["reason"] == "InvalidSpec"
    assert "spec.kid.params" in condition["message"]
    assert jobs.pods() == {}


def test_a_job_without_an_image_fails_and_says_so(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(image=None))
    jobs.reach("Failed")
    assert "spec.image: required" in jobs.condition("Failed")["message"]


def test_a_template_the_server_refuses_fails_the_job(jobs: Jobs, hosted: Hosted) -> None:
    manifest = job()
    manifest["spec"]["template"]["spec"]["containers"][0]["resourcess"] = {}
    jobs.create(manifest)
    jobs.reach("Failed")
    condition = jobs.condition("Failed")
    assert condition["reason"] == "InvalidTemplate"
    assert "resourcess" in condition["message"]


def test_a_suspended_job_has_no_pods_until_it_is_resumed(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine={"name": "multi_worker", "workers": 2}))
    jobs.reach("Running")
    jobs.patch({"runPolicy": {"suspend": True}})
    jobs.reach("Suspended")
    wait_for(lambda: not jobs.pods(), "no pods are left")
    jobs.patch({"runPolicy": {"suspend": False}})
    jobs.reach("Running")
    assert {pod["metadata"]["labels"]["akid.dev/attempt"] for pod in jobs.pods().values()} == {"1"}


def test_a_change_of_workers_is_a_new_attempt(jobs: Jobs, hosted: Hosted, akid_cluster: Cluster) -> None:
    jobs.create(job(engine={"name": "multi_worker", "workers": 2}))
    jobs.reach("Running")
    akid_cluster.kubectl("scale", "-n", jobs.namespace, "akidjob/digits", "--replicas=3")
    wait_for(lambda: len(jobs.pods()) == 3 and jobs.state() == "Running", "three workers run", 20)
    assert jobs.status()["attempt"] == 1
    assert not jobs.status().get("restarts")


def test_a_quota_is_waited_out_and_told(jobs: Jobs, hosted: Hosted) -> None:
    quotas = f"/api/v1/namespaces/{jobs.namespace}/resourcequotas"
    jobs.api.create(quotas, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}})
    wait_for(lambda: jobs.api.get(f"{quotas}/small").get("status", {}).get("used"), "the quota is in force")
    jobs.create(job(engine={"name": "multi_worker", "workers": 2}))
    jobs.reach("Queued")
    assert jobs.condition("Queued")["reason"] == "QuotaExceeded"
    jobs.api.patch(f"{quotas}/small", {"spec": {"hard": {"pods": "2"}}})
    jobs.reach("Running")
    assert "QuotaExceeded" in jobs.reasons()


def test_a_name_that_is_taken_is_told(jobs: Jobs, hosted: Hosted) -> None:
    foreign = {"metadata": {"name": "digits-kid"}, "data": {"kid.yaml": "someone else's"}}
    path = f"/api/v1/namespaces/{jobs.namespace}/configmaps"
    jobs.api.create(path, foreign)
    jobs.create(job())
    jobs.reach("Queued")
    assert jobs.condition("Queued")["reason"] == "NameConflict"
    assert jobs.pods() == {}
    jobs.api.delete(f"{path}/digits-kid")
    jobs.reach("Running")


def test_an_unmodified_image_runs_without_a_kid(jobs: Jobs, hosted: Hosted) -> None:
    manifest = job(engine={"name": "multi_worker", "workers": 2}, kid=None, policy={"restartStrategy": "Recreate"})
    manifest["spec"]["template"]["spec"]["containers"][0]["args"] = ["train.py"]
    jobs.create(manifest)
    jobs.reach("Running")
    old = {name: pod["metadata"]["uid"] for name, pod in jobs.pods().items()}
    assert (jobs.names("configmaps"), jobs.names("secrets"), jobs.names("services")) == ([], [], ["digits"])
    jobs.annotate_pod("digits-worker-1", {"run-for": "1ms", "exit-code": "137"})
    wait_for(lambda: jobs.status().get("restarts") == 1, "it is counted")
    jobs.reach("Running")
    assert all(pod["metadata"]["uid"] != old[name] for name, pod in jobs.pods().items())
    jobs.annotate_pod("digits-worker-0", {"run-for": "1ms"})
    jobs.reach("Succeeded")
