"""Jobs as the tests make them, and one namespace's view of what became of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from cluster.control import Cluster
from cluster.waiting import wait_for

REPOSITORY = Path(__file__).parents[2]
JOBS = "/apis/akid.dev/v1alpha1"
KID: dict[str, Any] = {
    "sensor": {"source": {"type": "DigitsSource"}, "batch_size": 64},
    "brain": {"type": "LeNet"},
    "kongfu": {"type": "MomentumKongFu", "lr_scheme": {"name": "placeholder", "base_lr": 0.1}},
    "max_steps": 100,
}


def example(name: str) -> dict[str, Any]:
    """The manifest of an example."""
    return yaml.safe_load((REPOSITORY / "examples/jobs" / name).read_text())


def job(
    name: str = "digits",
    *,
    engine: dict[str, Any] | None = None,
    plays: dict[str, str] | None = None,
    policy: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A job. `plays` are what its pods do, e.g. {"run-for": "1s"}."""
    template = {"metadata": {"annotations": played(plays or {})}, "spec": {"containers": [{"name": "trainer"}]}}
    wanted = {
        "kid": KID,
        "engine": engine or {"name": "single"},
        "image": "example/trainer:1",
        "template": template,
        "runPolicy": policy or {},
        **spec,
    }
    return {
        "apiVersion": "akid.dev/v1alpha1",
        "kind": "AkidJob",
        "metadata": {"name": name},
        "spec": {field: value for field, value in wanted.items() if value is not None},
    }


def played(plays: dict[str, str]) -> dict[str, str]:
    """Annotations for what the fake nodes do with a pod."""
    return {f"sim.akid.dev/{name}": value for name, value in plays.items()}


class Jobs:
    """The jobs of one namespace, and what the operator made for them."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.api = cluster.admin
        self.namespace = namespace
        self._core = f"/api/v1/namespaces/{namespace}"
        self._jobs = f"{JOBS}/namespaces/{namespace}/akidjobs"

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return self.api.create(self._jobs, manifest)

    def find(self, name: str = "digits") -> dict[str, Any] | None:
        return self.api.find(f"{self._jobs}/{name}")

    def get(self, name: str = "digits") -> dict[str, Any]:
        return self.api.get(f"{self._jobs}/{name}")

    def status(self, name: str = "digits") -> dict[str, Any]:
        return self.get(name).get("status", {})

    def state(self, name: str = "digits") -> str:
        return self.status(name).get("state", "")

    def patch(self, spec: dict[str, Any], name: str = "digits") -> None:
        self.api.patch(f"{self._jobs}/{name}", {"spec": spec})

    def delete(self, name: str = "digits") -> None:
        self.api.delete(f"{self._jobs}/{name}")

    def reach(self, state: str, name: str = "digits", timeout: float = 20) -> dict[str, Any]:
        """Wait for a state and return the status."""
        wait_for(lambda: self.state(name) == state, f"{name} is {state}: {self.status(name)}", timeout)
        return self.status(name)

    def condition(self, kind: str, name: str = "digits") -> dict[str, Any]:
        conditions = self.status(name).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def items(self, plural: str) -> list[dict[str, Any]]:
        return self.api.get(f"{self._core}/{plural}")["items"]

    def names(self, plural: str) -> list[str]:
        return sorted(
            item["metadata"]["name"]
            for item in self.items(plural)
            if item["metadata"]["name"] != "kube-root-ca.crt"
        )

    def pods(self, name: str = "digits") -> dict[str, dict[str, Any]]:
        """The pods of a job by name."""
        path = f"{self._core}/pods?labelSelector=akid.dev/job={name}"
        return {pod["metadata"]["name"]: pod for pod in self.api.get(path)["items"]}

    def phases(self, name: str = "digits") -> dict[str, str]:
        return {pod: item["status"]["phase"] for pod, item in self.pods(name).items()}

    def version(self) -> str:
        """The version of what there is now."""
        return self.api.get(f"{self._core}/pods")["metadata"]["resourceVersion"]

    def pods_since(self, version: str) -> int:
        """How many pods were made since a version, those that are gone included: by a watch from there on."""
        watch = f"{self._core}/pods?watch=true&timeoutSeconds=1&resourceVersion={version}"
        lines = self.cluster.kubectl("get", "--raw", watch).splitlines()
        return sum(json.loads(line)["type"] == "ADDED" for line in lines)

    def delete_pod(self, name: str, grace: int = 30) -> None:
        self.api.delete(f"{self._core}/pods/{name}?gracePeriodSeconds={grace}")

    def delete_object(self, plural: str, name: str) -> None:
        self.api.delete(f"{self._core}/{plural}/{name}")

    def annotate_pod(self, name: str, plays: dict[str, str]) -> None:
        """Have a pod do something else from now on."""
        self.api.patch(f"{self._core}/pods/{name}", {"metadata": {"annotations": played(plays)}})

    def events(self, name: str = "digits") -> list[dict[str, Any]]:
        """The events on a job, oldest first."""
        events = [event for event in self.items("events") if event["involvedObject"]["name"] == name]
        return sorted(events, key=lambda event: int(event["metadata"]["resourceVersion"]))

    def reasons(self, name: str = "digits") -> list[str]:
        return [event["reason"] for event in self.events(name)]
