"""The TensorBoard of a job on a real API server, with its controllers: it lives beside the job, and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from chart import collection, render
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

from akid.job import PodDefaults

pytestmark = pytest.mark.cluster
STRICT = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
NAME = "digits-tensorboard"


def beside(claim: str, asked: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A job with a TensorBoard."""
    return job(volumes={"log": {"claimName": claim}}, tensorboard=asked or {}, **spec)


def deployment(jobs: Jobs) -> dict[str, Any] | None:
    return jobs.api.find(f"/apis/apps/v1/namespaces/{jobs.namespace}/deployments/{NAME}")


def told(jobs: Jobs) -> dict[str, Any]:
    return jobs.status().get("tensorboard", {})


def is_gone(jobs: Jobs) -> bool:
    return deployment(jobs) is None and NAME not in jobs.names("services") and told(jobs) == {}


def boards(jobs: Jobs) -> list[str]:
    return [name for name in jobs.names("pods") if name.startswith(NAME)]


def test_it_runs_beside_the_job_outlives_it_and_goes_with_it(jobs: Jobs, hosted: Hosted, claim: str) -> None:
    jobs.api.patch(f"/api/v1/namespaces/{jobs.namespace}", STRICT)
    jobs.create(beside(claim, plays={"run-for": "4s"}))
    wait_for(lambda: told(jobs).get("ready"), "it is ready")
    url = f"http://{NAME}.{jobs.namespace}.svc:6006"
    assert told(jobs) == {"service": NAME, "url": url, "ready": True}
    made = deployment(jobs)
    assert made is not None
    assert [owner["uid"] for owner in made["metadata"]["ownerReferences"]] == [jobs.get()["metadata"]["uid"]]
    jobs.reach("Succeeded")
    (pod,) = boards(jobs)
    # Lost after the end: the cluster keeps it up, the operator has no part in it.
    writes = len(hosted.api.writes())
    jobs.delete_pod(pod, grace=0)
    wait_for(lambda: boards(jobs) not in ([], [pod]), "there is another pod")
    jobs.delete()
    # By the garbage collector, which may be late.
    gone = "it is gone"
    wait_for(
        lambda: deployment(jobs) is None and not boards(jobs) and NAME not in jobs.names("services"), gone, 120
    )
    assert [write for write in hosted.api.writes()[writes:] if "events" not in write] == []
    assert hosted.api.writes().count("POST deployments") == 1


def test_it_is_taken_away_when_asked_while_the_job_goes_on(jobs: Jobs, hosted: Hosted, claim: str) -> None:
    jobs.create(beside(claim))
    wait_for(lambda: told(jobs).get("ready"), "it is ready")
    jobs.patch({"tensorboard": {"enabled": False}})
    wait_for(lambda: is_gone(jobs), "it is gone")
    assert jobs.phases() == {"digits-worker-0": "Running"}
    jobs.patch({"tensorboard": None})
    jobs.patch({"tensorboard": {}})
    wait_for(lambda: told(jobs).get("ready"), "there is another one")


@pytest.mark.parametrize("asked", ["its time has come", "it is not asked for any more"])
def test_the_next_leader_takes_that_of_a_finished_job_away(
    jobs: Jobs, host: Callable[..., Hosted], claim: str, asked: str
) -> None:
    ttl = {"ttlSecondsAfterFinished": 6} if asked == "its time has come" else {}
    with host():
        jobs.create(beside(claim, ttl, plays={"run-for": "1s"}))
        jobs.reach("Succeeded")
        wait_for(lambda: told(jobs).get("ready"), "it is ready")
    if not ttl:
        jobs.patch({"tensorboard": None})
    with host() as operator:
        wait_for(lambda: is_gone(jobs), "it is gone")
        assert jobs.state() == "Succeeded"
        assert operator.api.writes().count("DELETE deployments") == 1


def test_a_finished_job_that_keeps_it_costs_a_resync_two_lists_and_nothing_else(
    jobs: Jobs, host: Callable[..., Hosted], claim: str
) -> None:
    with host():
        jobs.create(beside(claim, plays={"run-for": "1s"}))
        jobs.reach("Succeeded")
        wait_for(lambda: told(jobs).get("ready"), "it is ready")
    with host(resync=1.0) as operator:
        lists = "GET akidjobs"
        wait_for(lambda: operator.api.reads().count("GET services") >= 3, "three resyncs are done")
        assert operator.api.writes() == []
        assert "GET deployments" not in operator.api.reads()
        # Of the jobs that are not finished, and of the finished ones that keep theirs.
        assert operator.api.reads().count(lists) >= 3 * 3
    assert deployment(jobs) is not None


def test_where_jobs_are_shut_off_it_has_a_policy_of_its_own(jobs: Jobs, namespace: str, claim: str) -> None:
    values = {"watchNamespaces": [namespace], "jobs": {"networkPolicy": {"enabled": True}}}
    for manifest in render("rbac.yaml", namespace, **values):
        jobs.api.create(collection(manifest), manifest)
    kubeconfig = jobs.cluster.kubeconfig_as(namespace, "akid-operator")
    with Hosted(kubeconfig, namespace, pods=PodDefaults(status_peers=())) as operator:
        jobs.create(beside(claim))
        wait_for(lambda: told(jobs).get("ready"), "it is ready")
        policy = jobs.api.get(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/{NAME}")
        labels = {"akid.dev/tensorboard": "digits"}
        assert policy["spec"]["podSelector"] == {"matchLabels": labels}
        (pod,) = (pod for pod in jobs.items("pods") if labels.items() <= pod["metadata"]["labels"].items())
        assert pod["status"]["phase"] == "Running"
        jobs.patch({"tensorboard": None})
        wait_for(lambda: is_gone(jobs), "it is gone")
        assert operator.api.refused() == []
