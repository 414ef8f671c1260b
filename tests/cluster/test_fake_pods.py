"""What the pods and nodes that kwok plays do, by their annotations."""

from typing import Any

import pytest
from cluster.control import Cluster
from cluster.waiting import wait_for

pytestmark = pytest.mark.cluster


class Pods:
    """Pods of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._api = cluster.admin
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    def create(self, name: str, *, spec: dict[str, Any] | None = None, gpus: int = 0, **plays: str) -> None:
        """Create a pod; `run_for="1s"` becomes the annotation sim.akid.dev/run-for."""
        container: dict[str, Any] = {"name": "main", "image": "example/none:1"}
        if gpus:
            container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
        annotations = {f"sim.akid.dev/{key.replace('_', '-')}": value for key, value in plays.items()}
        pod = {
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [container], **(spec or {})},
        }
        self._api.create(self._path, pod)

    def find(self, name: str) -> dict[str, Any] | None:
        return self._api.find(f"{self._path}/{name}")

    def delete(self, name: str, grace: int = 30) -> None:
        self._api.delete(f"{self._path}/{name}?gracePeriodSeconds={grace}")

    def status(self, name: str) -> dict[str, Any]:
        return self._api.get(f"{self._path}/{name}")["status"]

    def reach(self, name: str, phase: str, timeout: float = 15) -> dict[str, Any]:
        """Wait for a phase and return the status."""
        wait_for(lambda: self.status(name)["phase"] == phase, f"pod {name} is {phase}", timeout)
        return self.status(name)

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        conditions: list[dict[str, Any]] = self.status(name).get("conditions", [])
        return {condition["type"]: condition for condition in conditions}.get(kind) or {}

    def state(self, name: str) -> dict[str, Any]:
        """Of its container."""
        statuses: list[dict[str, Any]] = self.status(name).get("containerStatuses", [])
        return statuses[0]["state"] if statuses else {}


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def test_without_annotations_it_runs_until_deleted(pods: Pods) -> None:
    pods.create("p")
    status = pods.reach("p", "Running")
    assert status["podIP"].startswith("10.247.")
    assert "running" in pods.state("p")
    assert pods.condition("p", "Ready")["status"] == "True"
    pods.delete("p")
    wait_for(
        lambda: pods.find("p") is None,
        "a deleted pod is gone long before its grace period",
        timeout=5,
    )


def test_it_succeeds_after_a_time(pods: Pods) -> None:
    pods.create("p", run_for="500ms")
    pods.reach("p", "Succeeded")
    end = pods.state("p")["terminated"]
    assert (end["exitCode"], end["reason"]) == (0, "Completed")


def test_it_fails_with_a_code_and_a_message(pods: Pods) -> None:
    text = 'kid.brain: no block "conv9"\nline 2: {}'
    pods.create("p", run_for="100ms", exit_code="42", message=text)
    pods.reach("p", "Failed")
    end = pods.state("p")["terminated"]
    assert (end["exitCode"], end["reason"], end["message"]) == (42, "Error", text)


def test_it_fails_for_a_reason(pods: Pods) -> None:
    pods.create("p", run_for="100ms", exit_code="137", reason="OOMKilled")
    pods.reach("p", "Failed")
    end = pods.state("p")["terminated"]
    assert (end["exitCode"], end["reason"]) == (137, "OOMKilled")


def test_it_never_starts(pods: Pods) -> None:
    pods.create("p", start="never")
    wait_for(lambda: "waiting" in pods.state("p"), "the kubelet has seen the pod", timeout=15)
    assert pods.state("p")["waiting"]["reason"] == "ContainerCreating"
    assert pods.status("p")["phase"] == "Pending"
    pods.delete("p")
    wait_for(lambda: pods.find("p") is None, "it is deleted all the same", timeout=5)


def test_its_image_cannot_be_pulled(pods: Pods) -> None:
    pods.create("p", start="image-error")
    wait_for(lambda: "waiting" in pods.state("p"), "the kubelet has tried", timeout=15)
    waiting = pods.state("p")["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert "example/none:1" in waiting["message"]
    assert pods.status("p")["phase"] == "Pending"


def test_it_is_never_scheduled(pods: Pods) -> None:
    pods.create("p", gpus=9)  # no node has that many
    wait_for(lambda: pods.condition("p", "PodScheduled"), "the scheduler's verdict", timeout=15)
    verdict = pods.condition("p", "PodScheduled")
    assert verdict["reason"] == "Unschedulable"
    assert "Insufficient nvidia.com/gpu" in verdict["message"]


def test_it_hangs_in_terminating(pods: Pods) -> None:
    pods.create("p", stop="never")
    pods.create("obeys")
    for name in ("p", "obeys"):
        pods.reach(name, "Running")
        pods.delete(name)
    wait_for(lambda: pods.find("obeys") is None, "the other one is gone", timeout=5)
    hanging = pods.find("p")
    assert hanging is not None
    assert "deletionTimestamp" in hanging["metadata"]
    pods.delete("p", grace=0)
    wait_for(lambda: pods.find("p") is None, "force deletes it", timeout=5)


def test_init_containers_are_done_first(pods: Pods) -> None:
    pods.create("p", spec={"initContainers": [{"name": "before", "image": "example/none:1"}]})
    status = pods.reach("p", "Running")
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


def test_pods_start_again_after_an_outage(cluster: Cluster, pods: Pods) -> None:
    cluster.restart_api_server()
    pods.create("p")
    pods.reach("p", "Running", timeout=30)


def test_a_silent_node(cluster: Cluster, pods: Pods) -> None:
    """Without its kubelet a node is NotReady; its evicted pods hang until the kubelet is back."""
    node = "mortal"
    cluster.add_node(node)
    impatient = {
        "key": "node.kubernetes.io/unreachable",
        "operator": "Exists",
        "effect": "NoExecute",
    }
    here = {"nodeSelector": {"kubernetes.io/hostname": node}}
    pods.create("stays", spec=here)
    pods.create("evicted", spec=here | {"tolerations": [impatient | {"tolerationSeconds": 1}]})
    for name in ("stays", "evicted"):
        pods.reach(name, "Running")

    cluster.silence_node(node)
    wait_for(lambda: cluster.node_ready(node) == "Unknown", "the node is not ready", timeout=60)
    wait_for(
        lambda: pods.condition("stays", "Ready")["status"] == "False",
        "its pod is not ready",
        timeout=30,
    )
    wait_for(
        lambda: "deletionTimestamp" in (pods.find("evicted") or {"metadata": {}})["metadata"],
        "it is evicted",
        timeout=30,
    )
    assert pods.condition("evicted", "DisruptionTarget")["reason"] == "DeletionByTaintManager"

    cluster.revive_node(node)
    wait_for(lambda: cluster.node_ready(node) == "True", "the node is back", timeout=30)
    wait_for(
        lambda: pods.condition("stays", "Ready")["status"] == "True",
        "its pod is ready again",
        timeout=30,
    )
    wait_for(lambda: pods.find("evicted") is None, "the evicted pod is gone", timeout=30)
    cluster.admin.delete(f"/api/v1/nodes/{node}")
