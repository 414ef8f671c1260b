"""Faults around a training that is well: it does not notice. Each job ends with the exact number of steps."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from cluster.waiting import wait_for
from csi.gluster import Gluster
from e2e.node import Node
from e2e.real import RealCluster
from e2e.site import NAMESPACE, Site
from e2e.times import Times
from e2e.training import PACED, Training, changed
from e2e.volumes import of_job, saved

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
OUTAGE = 60
TAINT = "node.kubernetes.io/out-of-service"
#: After five seconds the cluster deletes what runs on a node that does not answer, instead of five minutes.
IMPATIENT = {
    "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5,
}  # fmt: skip
#: A job that nobody hears.
ALONE = "alone"
#: Seconds after which a member is elsewhere, once its node does not answer and nobody hears it.
REPLACED = 10
#: Both nodes are used, if they have room.
SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}


def longer_than(seconds: float) -> Any:
    """A job of two workers that trains for so long at least."""

    def change(spec: dict[str, Any]) -> None:
        spec["engine"]["workers"] = 2
        spec["kid"]["params"] = {"steps": int(2 * seconds), "seconds": 0.5}

    return change


def uids(training: Training, name: str) -> dict[str, str]:
    return {pod: manifest["metadata"]["uid"] for pod, manifest in training.pods(name).items()}


def succeeds_untouched(training: Training, name: str, before: dict[str, str]) -> None:
    """The same pods as before finish it."""
    steps = training.get(name)["spec"]["kid"]["params"]["steps"]
    status = training.reach(name, "Succeeded", timeout=300)
    assert status["progress"]["step"] == steps
    assert (status["restarts"], status["progress"]["stepsRedone"]) == (0, 0)
    assert uids(training, name) == before


def test_the_operator_is_gone_for_a_minute(site: Site, training: Training) -> None:
    name = "orphan"
    training.apply(changed(PACED, name, longer_than(OUTAGE + 30)))
    training.trains(name)
    before = uids(training, name)
    scale = ["scale", "deployment/akid-operator", f"--namespace={NAMESPACE}"]
    site.cluster.kubectl(*scale, "--replicas=0")
    try:
        chief = f"{name}-worker-0"
        begun, step = time.monotonic(), training.supervisor(chief)["step"]
        wait_for(lambda: time.monotonic() - begun > OUTAGE, "the outage", OUTAGE + 10, every=1)
        assert training.supervisor(chief)["step"] > step
    finally:
        site.cluster.kubectl(*scale, "--replicas=2")
    succeeds_untouched(training, name, before)


def test_the_api_server_is_down_for_a_minute(nodes: RealCluster, site: Site, training: Training) -> None:
    name = "cut-off"
    training.apply(changed(PACED, name, longer_than(OUTAGE + 30)))
    training.trains(name)
    before = uids(training, name)
    with nodes.api_server_down():
        begun = time.monotonic()
        wait_for(lambda: time.monotonic() - begun > OUTAGE, "the outage", OUTAGE + 10, every=1)
    site.ready()
    succeeds_untouched(training, name, before)


def test_a_nodes_kubelet_is_stopped_until_the_node_is_not_ready(nodes: RealCluster, training: Training) -> None:
    name = "unwatched"
    training.apply(changed(PACED, name, longer_than(OUTAGE + 30)))
    training.trains(name)
    before = uids(training, name)
    node = training.pods(name)[f"{name}-worker-1"]["spec"]["nodeName"]
    kubelet = nodes.processes[f"{node}-kubelet"]
    kubelet.stop()
    try:
        wait_for(lambda: nodes.node_ready(node) == "Unknown", f"{node} is not ready", 90, every=1)
        begun = time.monotonic()  # its member is heard: it is not replaced
        wait_for(lambda: time.monotonic() - begun > REPLACED + 5, "the operator leaves it", OUTAGE, every=1)
    finally:
        kubelet.start()
    wait_for(lambda: nodes.node_usable(node), f"{node} is back", 90, every=0.5)
    succeeds_untouched(training, name, before)


def unsupervised(node: str) -> str:
    """A job on a node, if it has room, whose program is not run by akid's supervisor: nobody would hear it."""
    here = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    affinity = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": here}]}

    def change(spec: dict[str, Any]) -> None:
        del spec["kid"]
        spec["engine"] = {"name": "single"}
        spec["runPolicy"] = {"restartStrategy": "Recreate"}
        program = {"name": "trainer", "command": ["sleep", "3600"]}
        pod = {"containers": [program], "affinity": {"nodeAffinity": affinity}, "tolerations": [IMPATIENT]}
        spec["template"] = {"spec": pod}

    return changed(PACED, ALONE, change)


@contextmanager
def gone(nodes: RealCluster, site: Site, node: Node) -> Generator[None]:
    """In the block a node is gone, and not ready; after it, all that belongs on it is back."""
    node.lost()
    try:
        wait_for(lambda: nodes.node_ready(node.name) == "Unknown", f"{node.name} is not ready", 90, every=0.2)
        yield
    finally:
        node.back()
    wait_for(lambda: nodes.node_there(node.name), f"{node.name} is back", 120, every=0.5)
    site.ready()
    wait_for(site.driver_ready, "the GlusterFS driver is on every node", 120, every=0.5)


def wants_the_taint(nodes: RealCluster, training: Training, node: str, before: str, times: Times) -> None:
    """The job that nobody hears stays where it is, and says why, until somebody says that nothing runs there."""
    pod = f"{ALONE}-worker-0"
    wait_for(lambda: TAINT in training.row(ALONE)["REASON"], f"{ALONE} says what it waits for", 180)
    assert training.pod_uid(pod) == before
    nodes.kubectl("taint", "nodes", node, f"{TAINT}=nodeshutdown:NoExecute")
    try:
        with times.of("lost node tainted as out of service -> a job that nobody hears runs elsewhere"):
            wait_for(lambda: runs_elsewhere(training, pod, before, node), f"{ALONE} runs elsewhere", 120)
    finally:
        nodes.kubectl("taint", "nodes", node, f"{TAINT}:NoExecute-")


def test_a_node_is_gone_for_good(
    nodes: RealCluster, site: Site, training: Training, gluster: Gluster, times: Times
) -> None:
    name, other = "bereft", "bereft-worker-1"

    def change(spec: dict[str, Any]) -> None:
        longer_than(OUTAGE + 30)(spec)
        spec["scheduling"] = {"topologySpread": [SPREAD]}
        spec["volumes"] = {"log": of_job(gluster, training.namespace)["log"]}

    training.apply(changed(PACED, name, change))
    training.trains(name)
    pods = {pod: manifest["spec"]["nodeName"] for pod, manifest in training.pods(name).items()}
    assert len(set(pods.values())) == 2
    before, node = training.pod_uid(other), nodes.node(pods[other])
    training.apply(unsupervised(node.name))
    wait_for(lambda: training.status(ALONE).get("ready") == "1/1", f"{ALONE} runs", 60)
    (alone,) = training.pods(ALONE).values()
    assert alone["spec"]["nodeName"] == node.name
    with gone(nodes, site, node):
        with times.of("node gone and NotReady -> its member runs elsewhere", REPLACED):
            wait_for(lambda: runs_elsewhere(training, other, before, node.name), "it runs elsewhere", 60)
        status = training.reach(name, "Succeeded", timeout=300)
        wants_the_taint(nodes, training, node.name, alone["metadata"]["uid"], times)
    assert status["progress"]["step"] == training.get(name)["spec"]["kid"]["params"]["steps"]
    assert status["restarts"] == 0
    assert status["progress"]["stepsRedone"] < 20  # from the memory of a member that is left
    assert saved(gluster, training.namespace) == [100, status["progress"]["step"]]


def runs_elsewhere(training: Training, pod: str, before: str, node: str) -> bool:
    """Whether a pod of that name runs which is another one, on another node."""
    found = training.pods(pod.rpartition("-worker-")[0]).get(pod)
    if found is None or found["metadata"]["uid"] == before:
        return False
    assert found["spec"].get("nodeName") != node
    return found["status"]["phase"] == "Running"
