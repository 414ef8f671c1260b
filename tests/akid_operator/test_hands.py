"""What people, schedulers and other controllers do to a job and its pods while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import KID, Jobs, job

from akid.job.planner.dead_nodes import TAINT

pytestmark = pytest.mark.cluster

TWO = {"name": "multi_worker", "workers": 2}
PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for is told after a second."""
    for module in ("deadlines", "facts"):
        monkeypatch.setattr(f"akid.job.planner.{module}.PATIENCE", timedelta(seconds=1))


def uid(jobs: Jobs, pod: str) -> str:
    return jobs.pods(pod.split("-")[0]).get(pod, {}).get("metadata", {}).get("uid", "")


def replaced(jobs: Jobs, pod: str, old: str, timeout: float = 30) -> None:
    wait_for(lambda: uid(jobs, pod) not in ("", old), f"there is a new {pod}", timeout)


@pytest.mark.parametrize("how", ["deleted", "failed"])
def test_a_pod_that_a_finalizer_keeps_is_told_and_waited_for_in_peace(
    jobs: Jobs, hosted: Hosted, how: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid.job.planner.deadlines.LINGER", timedelta(seconds=1))
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    path = f"/api/v1/namespaces/{jobs.namespace}/pods/digits-worker-1"
    jobs.api.patch(path, {"metadata": {"finalizers": ["example.com/hold"]}})
    old, begun = uid(jobs, "digits-worker-1"), len(hosted.api.calls)
    if how == "deleted":
        jobs.delete_pod("digits-worker-1", grace=1)
    else:
        jobs.annotate_pod("digits-worker-1", {"run-for": "10ms", "exit-code": "137"})
    wait_for(lambda: jobs.condition("Queued").get("reason") == "PodTerminating", "it is told", 15)
    assert len(hosted.api.calls) - begun < 25, [call.method for call, _ in hosted.api.calls[begun:]]
    jobs.api.patch(path, {"metadata": {"finalizers": None}})
    replaced(jobs, "digits-worker-1", old)
    jobs.reach("Running")
    assert jobs.status().get("restarts", 0) == (1 if how == "failed" else 0)
    restarts = [event["message"] for event in jobs.events() if event["reason"] == "Restarting"]
    assert len(restarts) == 1, restarts


@pytest.fixture
def priority(akid_cluster: Cluster, namespace: str) -> Iterator[str]:
    """A high priority."""
    akid_cluster.admin.create(PRIORITIES, {"metadata": {"name": namespace}, "value": 1000})
    yield namespace
    akid_cluster.admin.delete(f"{PRIORITIES}/{namespace}")


def test_a_preempted_pod_is_replaced_and_not_counted(jobs: Jobs, hosted: Hosted, priority: str) -> None:
    gpus = {"name": "multi_worker", "workers": 3, "gpusPerWorker": 8}
    jobs.create(job("low", engine=gpus, policy={"maxRestarts": 0}))
    jobs.reach("Running", "low")
    engine = {"name": "single", "gpusPerWorker": 8}
    jobs.create(job("high", engine=engine, scheduling={"priorityClassName": priority}))
    jobs.reach("Running", "high", 30)
    wait_for(lambda: len(jobs.pods("low")) == 3, "the preempted one is made again", 30)
    jobs.annotate_pod("high-worker-0", {"run-for": "10ms"})
    jobs.reach("Running", "low", 30)
    assert not jobs.status("low").get("restarts")
    told = next(event["message"] for event in jobs.events("low") if event["reason"] == "Restarting")
    assert "PreemptionByScheduler" in told
    assert told.endswith("not counted.")


def test_a_pod_of_which_nothing_is_heard_waits_for_the_word_that_its_node_is_gone(
    jobs: Jobs, hosted: Hosted, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid.job.planner.deadlines.LINGER", timedelta(seconds=1))
    manifest = job(engine=TWO, policy={"maxRestarts": 0})
    taint = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}
    tolerations = [taint | {"key": f"node.kubernetes.io/{what}"} for what in ("unreachable", "not-ready")]
    spec: dict[str, Any] = {"tolerations": tolerations, "terminationGracePeriodSeconds": 1}
    manifest["spec"]["template"]["spec"] |= spec
    jobs.create(manifest)
    jobs.reach("Running")
    node, old = jobs.pods()["digits-worker-1"]["spec"]["nodeName"], uid(jobs, "digits-worker-1")
    jobs.cluster.silence_node(node)
    try:
        wait_for(lambda: TAINT in jobs.condition("Queued").get("message", ""), "people are asked", 60)
        assert uid(jobs, "digits-worker-1") == old, "there could be two"
        jobs.cluster.kubectl("taint", "node", node, TAINT)
        replaced(jobs, "digits-worker-1", old, 90)  # the cluster looks for such nodes every 20 s
        jobs.reach("Running", timeout=30)
        assert jobs.pods()["digits-worker-1"]["spec"]["nodeName"] != node
        assert not jobs.status().get("restarts")
    finally:
        jobs.cluster.kubectl("taint", "node", node, TAINT + "-")
        jobs.cluster.revive_node(node)
        wait_for(lambda: jobs.cluster.node_usable(node), "the node is back", 60)


def test_a_pod_of_an_earlier_job_on_a_dead_node_is_told_and_forced(
    jobs: Jobs, hosted: Hosted, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid.job.planner.deadlines.LINGER", timedelta(seconds=8))
    manifest = job(engine=TWO, plays={"stop": "never"})
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    jobs.create(manifest)
    jobs.reach("Running")
    old = uid(jobs, "digits-worker-1")
    jobs.delete()
    wait_for(lambda: jobs.find() is None, "the job is gone")
    jobs.create(job(engine=TWO))
    # The garbage collector of a new control plane finds a new kind's objects after half a minute only.
    wait_for(lambda: jobs.condition("Queued").get("reason") == "PodTerminating", "it is told", 100)
    assert "of an earlier job of this name on node-" in jobs.condition("Queued")["message"]
    replaced(jobs, "digits-worker-1", old, 60)
    jobs.reach("Running")


def test_what_keeps_a_pod_from_starting_is_told_again(jobs: Jobs, hosted: Hosted, impatient: None) -> None:
    jobs.create(job("image", plays={"start": "image-error"}))
    jobs.create(job("large", engine={"name": "single", "gpusPerWorker": 9}))
    for name, reason, words in (
        ("image", "ImagePullBackOff", "Back-off pulling image"),
        ("large", "Unschedulable", "Insufficient nvidia.com/gpu"),
    ):
        jobs.reach("Queued", name)
        wait_for(lambda n=name: len(jobs.events(n)) == 2, "it is told")
        told = jobs.events(name)[-1]
        assert (told["type"], told["reason"]) == ("Warning", reason)
        assert words in told["message"]
        assert words in jobs.condition("Queued", name)["message"]


def test_suspended_and_resumed_in_quick_succession(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=TWO))
    for _ in range(10):
        jobs.patch({"runPolicy": {"suspend": True}})
        jobs.patch({"runPolicy": {"suspend": False}})
    jobs.patch({"engine": {"workers": 4}})
    jobs.patch({"engine": {"workers": 3}})
    wait_for(lambda: jobs.state() == "Running" and jobs.status()["ready"] == "3/3", "three run", 30)
    attempts = {pod["metadata"]["labels"]["akid.dev/attempt"] for pod in jobs.pods().values()}
    assert attempts == {str(jobs.status().get("attempt", 0))}
    assert not jobs.status().get("restarts")


def test_the_longest_name_and_many_workers_in_every_role(jobs: Jobs, hosted: Hosted) -> None:
    engine = {"name": "parameter_server", "workers": 150, "parameterServers": 2, "evaluator": True}
    name = "a" * 40
    jobs.create(job(name, engine=engine))
    wait_for(lambda: jobs.status(name).get("ready") == "154/154", "all are ready", 60)
    environment = jobs.pods(name)[f"{name}-worker-149"]["spec"]["containers"][0]["env"]
    config = json.loads(next(entry["value"] for entry in environment if entry["name"] == "TF_CONFIG"))
    assert len(config["cluster"]["worker"]) == 150
    assert config["task"] == {"type": "worker", "index": 149}


def test_a_pod_that_lost_its_labels_is_not_doubled(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    path = f"/api/v1/namespaces/{jobs.namespace}/pods/digits-worker-1"
    jobs.api.patch(path, {"metadata": {"labels": {"akid.dev/job": None, "akid.dev/index": None}}})
    old = jobs.api.get(path)["metadata"]["uid"]
    replaced(jobs, "digits-worker-1", old)
    jobs.reach("Running")
    assert sorted(jobs.names("pods")) == ["digits-worker-0", "digits-worker-1"]
    assert not jobs.status().get("restarts")


def test_pods_that_an_orphaning_delete_left_are_told(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job())
    jobs.reach("Running")
    jobs.cluster.kubectl("delete", "-n", jobs.namespace, "akidjob/digits", "--cascade=orphan")
    wait_for(lambda: not jobs.items("pods")[0]["metadata"].get("ownerReferences"), "the pod is nobody's")
    jobs.create(job())
    jobs.reach("Queued")
    assert jobs.condition("Queued")["reason"] == "NameConflict"
    jobs.delete_object("configmaps", "digits-kid")
    jobs.delete_pod("digits-worker-0", grace=0)
    jobs.reach("Running")


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_a_kid_too_large_for_its_config_map_fails_in_words(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(kid={"script": "def setup(): ...", "params": {"a": "x" * 1_100_000}}))
    jobs.reach("Failed")
    assert "ConfigMap digits-kid" in jobs.condition("Failed")["message"]


def test_a_token_deleted_behind_its_back_is_made_before_the_next_pod(
    jobs: Jobs, hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid_operator.work.read.TRUST", 0.0)
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    (token,) = jobs.names("secrets")
    jobs.delete_object("secrets", token)
    old = uid(jobs, "digits-worker-1")
    jobs.delete_pod("digits-worker-1", grace=0)
    replaced(jobs, "digits-worker-1", old)
    assert jobs.names("secrets") == [token]


def test_a_status_edited_away_is_built_again_and_nothing_runs_twice(
    jobs: Jobs, host: Callable[..., Hosted]
) -> None:
    with host() as operator:
        jobs.create(job(engine=TWO, kid=KID))
        jobs.reach("Running")
        path = f"/apis/akid.dev/v1alpha1/namespaces/{jobs.namespace}/akidjobs/digits/status"
        jobs.api.patch(path, {"status": None})
        jobs.reach("Running")
        jobs.annotate_pod("digits-worker-0", {"run-for": "10ms"})
        jobs.reach("Succeeded")
        jobs.api.patch(path, {"status": None})
        jobs.reach("Succeeded")
        made = [
            a.body["metadata"]["name"] for c, a in operator.api.calls if c.method == "POST" and a.status == 201
        ]
        assert made.count("digits-worker-0") == 1


def test_in_a_restricted_namespace_pods_run_and_what_is_forbidden_is_told(jobs: Jobs, hosted: Hosted) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    jobs.api.patch(f"/api/v1/namespaces/{jobs.namespace}", {"metadata": {"labels": labels}})
    jobs.create(job(engine=TWO))
    jobs.create(job("host", volumes={"data": {"hostPath": {"path": "/mnt"}}}))
    jobs.reach("Running")
    jobs.reach("Queued", "host")
    condition = jobs.condition("Queued", "host")
    assert condition["reason"] == "Forbidden"
    assert "violates PodSecurity" in condition["message"]


def test_a_namespace_that_is_deleted_takes_its_jobs_and_the_operator_goes_on(
    jobs: Jobs, akid_cluster: Cluster
) -> None:
    doomed = f"{jobs.namespace}-doomed"
    akid_cluster.admin.create("/api/v1/namespaces", {"metadata": {"name": doomed}})
    wait_for(lambda: akid_cluster.service_account_exists(doomed), "it is ready for pods")
    with Hosted(akid_cluster.kubeconfig, doomed, jobs.namespace) as operator:
        others = Jobs(akid_cluster, doomed)
        others.create(job(engine={"name": "multi_worker", "workers": 20}))
        wait_for(lambda: len(others.pods()) > 3, "some pods are there")
        akid_cluster.admin.delete(f"/api/v1/namespaces/{doomed}")
        wait_for(lambda: akid_cluster.admin.find(f"/api/v1/namespaces/{doomed}") is None, "it is gone", 60)
        jobs.create(job(engine=TWO, plays={"run-for": "100ms"}))
        jobs.reach("Succeeded")
        assert operator.replica is not None
        controller = operator.replica.controller
        assert controller is not None
        wait_for(lambda: not [key for key, _ in controller.store if key.namespace == doomed], "it is forgotten")
