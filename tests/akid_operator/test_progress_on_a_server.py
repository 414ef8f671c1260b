"""Progress on a real API server: what `kubectl get akidjobs` shows while a chief trains."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from akid_operator.kube import connect
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

from akid.trainer.channel import Server

pytestmark = pytest.mark.cluster

STATUS = {
    "member": "worker-0", "step": 10, "maxSteps": 100, "epoch": 0.5, "loss": 0.25, "valLoss": 1e-7,
    "metrics": {"val_accuracy": 1, "other": 1e20}, "examplesPerSecond": 812.5, "eta": "2031-01-01T00:00:00Z",
    "generation": 2, "inPlaceRestarts": 1, "stepsRedone": 4, "goodput": 1.0,
}  # fmt: skip


@pytest.fixture
def chief() -> Iterator[Server]:
    """A supervisor's server on loopback, which says what is in `status`."""
    server = Server(0, {"/status": lambda: ("application/json", json.dumps(STATUS))}, host="127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()


def test_kubectl_shows_step_loss_and_eta_moving_and_a_chief_that_stands_still_costs_no_write(
    jobs: Jobs, host: Callable[..., Hosted], akid_cluster: Cluster, chief: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "in_pod", lambda: True)  # chiefs are asked directly
    template = {"spec": {"containers": [trainer(chief.server_address[1])]}}
    template["metadata"] = job(plays={"run-for": "1h"})["spec"]["template"]["metadata"]
    with host() as operator:
        jobs.create(job(template=template))
        jobs.reach("Running")
        pod = f"/api/v1/namespaces/{jobs.namespace}/pods/digits-worker-0/status"
        jobs.api.patch(pod, {"status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}})
        wait_for(lambda: "progress" in jobs.status(), "there is progress")
        progress = {name: value for name, value in STATUS.items() if name != "member"}
        assert jobs.status()["progress"] == progress
        shown = akid_cluster.kubectl("get", "akidjobs", "-n", jobs.namespace).splitlines()
        rows = dict(zip(*(line.split() for line in shown), strict=False))  # REASON, the last, is empty
        assert (rows["STEP"], rows["LOSS"], rows["ETA"]) == ("10", "0.25", "2031-01-01T00:00:00Z")
        version, asked = jobs.get()["metadata"]["resourceVersion"], polls(operator, "same")
        wait_for(lambda: polls(operator, "same") >= asked + 2, "it was asked again")
        assert jobs.get()["metadata"]["resourceVersion"] == version
        chief.pages["/status"] = lambda: ("application/json", json.dumps({**STATUS, "step": 20}))
        wait_for(lambda: jobs.status()["progress"]["step"] == 20, "the step moves")
        assert jobs.status()["highestStep"] == 20


def trainer(port: int) -> dict[str, Any]:
    """The trainer, with its metrics at a port."""
    return {"name": "trainer", "ports": [{"name": "metrics", "containerPort": port}]}


def polls(operator: Hosted, result: str) -> float:
    """How often chiefs were asked with this result."""
    assert operator.replica is not None
    labels = {"result": result}
    return operator.replica.metrics.registry.get_sample_value("akid_operator_progress_polls_total", labels) or 0.0
