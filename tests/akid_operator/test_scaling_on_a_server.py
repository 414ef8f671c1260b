"""`kubectl scale` of an elastic job on a real control plane: who goes, who comes, who stays."""

from __future__ import annotations

import subprocess

import pytest
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster

FOUR = {"name": "multi_worker", "workers": 4, "minWorkers": 2}


def uids(jobs: Jobs) -> dict[str, str]:
    return {name: pod["metadata"]["uid"] for name, pod in jobs.pods().items()}


def scale(jobs: Jobs, cluster: Cluster, workers: int) -> None:
    """Scale it; wait until the job has these workers and no other pod."""
    cluster.kubectl("scale", "-n", jobs.namespace, "akidjob/digits", f"--replicas={workers}")
    names = {f"digits-worker-{index}" for index in range(workers)}
    wait_for(
        lambda: set(jobs.pods()) == names and jobs.status().get("ready") == f"{workers}/{workers}",
        f"{workers} workers are there: {jobs.status()}",
        20,
    )


def test_only_the_surplus_goes_and_only_what_is_missing_is_made(
    jobs: Jobs, hosted: Hosted, akid_cluster: Cluster
) -> None:
    jobs.create(job(engine=FOUR))
    jobs.reach("Running")
    scale(jobs, akid_cluster, 4)
    four = uids(jobs)
    scale(jobs, akid_cluster, 2)
    two = uids(jobs)
    scale(jobs, akid_cluster, 3)
    three = uids(jobs)
    assert two.items() <= four.items()
    assert two.items() <= three.items()
    status = jobs.status()
    assert (status["state"], status.get("attempt", 0), status.get("restarts", 0)) == ("Running", 0, 0)
    assert status["replicaStatuses"]["worker"]["ready"] == 3
    assert jobs.get()["status"]["workers"] == 3
    assert jobs.reasons().count("Scaled") == 2
    assert "Restarting" not in jobs.reasons()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        akid_cluster.kubectl("scale", "-n", jobs.namespace, "akidjob/digits", "--replicas=1")
    assert "expected at least minWorkers" in refused.value.stderr


def test_a_worker_that_fits_on_no_node_leaves_the_others_training(
    jobs: Jobs, hosted: Hosted, akid_cluster: Cluster
) -> None:
    nodes = len(akid_cluster.admin.get("/api/v1/nodes")["items"])
    affinity = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchLabels": {"akid.dev/job": "digits"}},
                }
            ]
        }
    }
    template = {"spec": {"containers": [{"name": "trainer"}], "affinity": affinity}}
    engine = {"name": "multi_worker", "workers": nodes + 1, "minWorkers": 2}
    jobs.create(job(engine=engine, template=template))
    wait_for(lambda: jobs.status().get("ready") == f"{nodes}/{nodes + 1}", "all nodes are taken", 20)
    status = jobs.reach("Running")
    assert status["state"] == "Running"
    assert jobs.condition("Running")["message"] == f"{nodes} of {nodes + 1} members are running"
    wait_for(lambda: jobs.condition("Queued").get("reason") == "Unschedulable", "what is waited for is told", 20)
    assert jobs.state() == "Running"
