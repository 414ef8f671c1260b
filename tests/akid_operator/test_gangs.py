"""Gangs on a real server: without the scheduler's kind it is told, with it the group comes before the pods.

Kubernetes' own are there from 1.36 on (`KUBERNETES=1.36`, `1.37`): with them the real scheduler takes all or none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cluster import binaries, commands
from cluster.waiting import wait_for
from gangs import GANG, GROUP, pod_groups
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster

OWN = {"gang": "kubernetes"}
THREE = {"name": "multi_worker", "workers": 3, "gpusPerWorker": 1}
own_gangs = pytest.mark.skipif(binaries.minor() not in commands.OWN_GANGS, reason="KUBERNETES=1.36 or later")


def own_groups(jobs: Jobs) -> list[dict[str, Any]]:
    """Kubernetes' own PodGroups of the namespace."""
    version = commands.OWN_GANGS[binaries.minor()][1].removesuffix("=true")
    return jobs.api.get(f"/apis/{version}/namespaces/{jobs.namespace}/podgroups")["items"]


def placed(jobs: Jobs) -> list[str]:
    """The names of pods that have a node."""
    return sorted(name for name, pod in jobs.pods().items() if pod["spec"].get("nodeName"))


def test_a_gang_waits_for_its_scheduler_then_runs_as_a_group(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host(resync=0.5) as operator:
        jobs.create(job(engine={"name": "multi_worker", "workers": 3}, scheduling=GANG))
        jobs.reach("Queued")
        assert jobs.condition("Queued")["reason"] == "GangSchedulerMissing"
        assert jobs.pods() == {}
        with pod_groups(jobs.cluster):
            jobs.reach("Running", timeout=30)
            path = f"/apis/{GROUP}/v1alpha1/namespaces/{jobs.namespace}/podgroups"
            (group,) = jobs.api.get(path)["items"]
            assert group["spec"]["minMember"] == 3
            labels = [pod["metadata"]["labels"].get(f"{GROUP}/pod-group") for pod in jobs.pods().values()]
            assert labels == [group["metadata"]["name"]] * 3
            order = [what for what in operator.api.writes() if what in ("POST podgroups", "POST pods")]
            assert order == ["POST podgroups"] + ["POST pods"] * 3
            jobs.annotate_pod("digits-worker-0", {"run-for": "10ms"})
            jobs.reach("Succeeded")
            wait_for(lambda: jobs.api.get(path)["items"] == [], "the group is gone")


@own_gangs
def test_kubernetes_itself_schedules_all_pods_of_a_gang_or_none(jobs: Jobs, hosted: Hosted) -> None:
    """The nodes have 24 GPUs in all: of 13 pods with two each, 12 would fit."""
    jobs.create(job(engine=THREE | {"workers": 13, "gpusPerWorker": 2}, scheduling=OWN))
    wait_for(lambda: len(jobs.pods()) == 13, "all pods are there", 30)
    wait_for(lambda: "Unschedulable" in str(jobs.condition("Queued")), "the job says that they do not fit", 30)
    assert placed(jobs) == []
    (group,) = own_groups(jobs)
    assert group["spec"]["schedulingPolicy"] == {"gang": {"minCount": 13}}


@own_gangs
def test_a_gang_of_kubernetes_runs_and_is_replaced_as_one(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=THREE, scheduling=OWN))
    jobs.reach("Running", timeout=30)
    before = own_groups(jobs)
    assert len(placed(jobs)) == 3
    jobs.delete_pod("digits-worker-1")
    jobs.reach("Running", timeout=60)
    wait_for(lambda: len(placed(jobs)) == 3, "all have a node again", 30)
    jobs.annotate_pod("digits-worker-0", {"run-for": "10ms"})
    jobs.reach("Succeeded", timeout=30)
    wait_for(lambda: own_groups(jobs) == [], "the group is gone")
    assert len(before) == 1
