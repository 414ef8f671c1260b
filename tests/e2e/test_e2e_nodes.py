"""The cluster itself: what the scenarios take for granted is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster.reach import Reach
from cluster.waiting import wait_for
from e2e.configs import PAUSE
from e2e.real import GPU, RealCluster

pytestmark = [pytest.mark.e2e, pytest.mark.smoke, pytest.mark.sandbox]


def run(cluster: Reach, namespace: str, name: str, script: str, **spec: Any) -> None:
    """A pod that runs a script."""
    container = {"name": "main", "image": PAUSE, "command": ["sh", "-c", script]} | spec.pop("container", {})
    pod = {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [container], **spec}}
    cluster.admin.create(f"/api/v1/namespaces/{namespace}/pods", pod)


def phase(cluster: Reach, namespace: str, name: str) -> str:
    return cluster.admin.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"]["phase"]


def ended(cluster: Reach, namespace: str, name: str) -> str:
    """Wait for a pod's end; what it said."""
    wait_for(lambda: phase(cluster, namespace, name) in ("Succeeded", "Failed"), f"{name} ends", 60)
    return cluster.kubectl("logs", name, f"--namespace={namespace}")


def test_a_pod_finds_the_api_server_by_name_and_leaves_its_exit_code(nodes: RealCluster, namespace: str) -> None:
    run(nodes, namespace, "asks", "nslookup kubernetes.default.svc.cluster.local && exit 42")
    assert "10.96.0.1" in ended(nodes, namespace, "asks")
    status = nodes.admin.get(f"/api/v1/namespaces/{namespace}/pods/asks")["status"]
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 42


def test_pods_of_both_nodes_reach_each_other(nodes: RealCluster, namespace: str) -> None:
    run(nodes, namespace, "listens", "echo hello | nc -l -p 5000", nodeName=nodes.nodes[0].name)
    wait_for(lambda: phase(nodes, namespace, "listens") == "Running", "the listener runs", 60)
    address = nodes.admin.get(f"/api/v1/namespaces/{namespace}/pods/listens")["status"]["podIP"]
    ask = f"for i in 1 2 3 4 5; do nc {address} 5000 && exit 0; sleep 1; done; exit 1"
    run(nodes, namespace, "asks", ask, nodeName=nodes.nodes[1].name)
    assert ended(nodes, namespace, "asks") == "hello\n"


def test_a_pod_gets_the_gpus_it_asks_for(nodes: RealCluster, namespace: str) -> None:
    run(nodes, namespace, "sees", "env", container={"resources": {"limits": {GPU: "2"}}})
    said = ended(nodes, namespace, "sees")
    assert sorted(line for line in said.splitlines() if line.startswith("NVIDIA")) == [
        next(line for line in said.splitlines() if line.startswith("NVIDIA_VISIBLE_DEVICES=GPU-"))
    ]
    told = json.loads(nodes.kubectl("get", "nodes", "-o", "json"))["items"]
    assert [node["status"]["allocatable"][GPU] for node in told] == ["2", "2"]
