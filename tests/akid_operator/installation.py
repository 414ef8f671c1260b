"""The chart installed by helm. Its pods are simulated, like all; the operator runs beside them as a process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cluster.binaries import programs
from cluster.control import Cluster
from cluster.helm import helm, program
from jobs import REPOSITORY
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


def typed(cluster: Cluster, home: Path, script: str, **variables: str) -> str:
    """What commands of a page print, typed at the root of the repository; they must all succeed.

    Args:
        cluster: whose administrator types them.
        home: a directory for what helm keeps.
        script: the commands.
        variables: of the environment, besides.
    """
    path = f"{program().parent}:{programs()}:{os.environ['PATH']}"
    homes = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    env = os.environ | homes | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": path} | variables
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
