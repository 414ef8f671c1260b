"""Gangs on a real server: without the scheduler's kind it is told, with it the group comes before the pods."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cluster.waiting import wait_for
from gangs import GANG, GROUP, pod_groups
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster


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
