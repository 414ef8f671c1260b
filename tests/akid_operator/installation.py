"""The chart installed by helm. Its pods are simulated, like all; the operator runs beside them as a process."""

from __future__ import annotations

from pathlib import Path

from cluster.control import Cluster
from cluster.helm import helm
from replicas import Operator

OPS, LAB = "akid-system", "lab"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{OPS}/deployments/akid-operator"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def installed(cluster: Cluster, *arguments: str) -> None:
    """A command of helm about the release; it waits until all is ready."""
    helm(*arguments, f"--namespace={OPS}", "--timeout=100s", kubeconfig=cluster.kubeconfig)


def arguments(cluster: Cluster) -> list[str]:
    """What the Deployment has the operator called with, but for what the test itself needs."""
    (container,) = cluster.admin.get(DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    return [text for text in container["args"] if not text.startswith(("--metrics-port=", "--log-format="))]


def started(cluster: Cluster, log: Path) -> Operator:
    """The operator as it is installed now."""
    return Operator(
        cluster.kubeconfig_as(OPS, "akid-operator"), log, f"--lease-namespace={OPS}", *arguments(cluster)
    )
