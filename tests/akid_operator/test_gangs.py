"""Gangs on a real server: without the scheduler's kind it is told, with it the group comes before the pods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "scheduling.x-k8s.io"
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
# No plugin is there to schedule by it: the pods go to the cluster's own scheduler.
GANG = {"gang": "coscheduling", "schedulerName": "default-scheduler"}


@contextmanager
def pod_groups(cluster: Cluster) -> Iterator[None]:
    """The server knows PodGroups in the block."""
    name = f"podgroups.{GROUP}"
    names = {"kind": "PodGroup", "plural": "podgroups", "singular": "podgroup"}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
    annotation = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/scheduler-plugins"}
    crd: dict[str, Any] = {
        "metadata": {"name": name, "annotations": annotation},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    cluster.admin.create(CRDS, crd)
    try:
        yield
    finally:
        cluster.admin.delete(f"{CRDS}/{name}")


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
