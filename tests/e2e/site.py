"""A cluster with akid on it, as ops install it: the chart by helm, the operator in pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cluster.helm import helm
from cluster.reach import CORE, Reach
from cluster.waiting import wait_for
from e2e import quickstart
from e2e.prepare import Prepared

NAMESPACE = "akid-system"
DRIVER = "gluster.csi.akid.dev"
OPERATOR = "app.kubernetes.io/name=akid-operator"
DRIVER_PODS = "app.kubernetes.io/name=akid-gluster-csi"
NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Site:
    """The release, and how it is asked.

    Args:
        cluster: where it is.
        prepared: the images.
        rules: of the GlusterFS driver; without any there is none.
    """

    cluster: Reach
    prepared: Prepared
    rules: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def values(self) -> dict[str, Any]:
        """What is said to the chart beside its defaults."""
        images = self.prepared.images
        return {
            "images": {"operator": images["operator"], "glusterCsi": images["gluster-csi"]},
            "jobs": {"image": images["trainer"]},
            "glusterfs": {"enabled": bool(self.rules), "rules": self.rules},
        }

    def install(self, changes: Mapping[str, Any] = NO_CHANGES) -> None:
        """Install the chart as README does, but with our images; or upgrade it; and wait for the operator.

        Args:
            changes: further values.
        """
        [[install, *words]] = quickstart.commands("helm")
        assert (install, words[-2]) == ("install", "--set")
        argv = ["upgrade", "--install", *words[:-2], "--values", "-"]
        helm(*argv, kubeconfig=self.cluster.kubeconfig, stdin=json.dumps({**self.values(), **changes}))
        wait_for(self.cluster.serves_akidjobs, "AkidJobs are served", 60)
        if self.rules:
            wait_for(self.driver_ready, "the GlusterFS driver is on every node", 120, every=0.5)
        self.ready()

    def driver_ready(self) -> bool:
        """Whether every node has the driver. Its DaemonSet is updated on deletion only: there is no rollout."""
        drivers = self.cluster.admin.get("/apis/storage.k8s.io/v1/csinodes")["items"]
        return all(any(each["name"] == DRIVER for each in node["spec"]["drivers"] or []) for node in drivers)

    def driver_pods(self) -> set[str]:
        """UIDs of the GlusterFS driver's pods that are ready."""
        path = f"{CORE}/namespaces/{NAMESPACE}/pods?labelSelector={DRIVER_PODS}"
        pods = self.cluster.admin.get(path)["items"]
        return {pod["metadata"]["uid"] for pod in pods if _is_ready(pod)}

    def restart_driver(self) -> None:
        """Delete the GlusterFS driver's pods, and wait until there are others."""
        before = self.driver_pods()
        self.cluster.kubectl("delete", "pods", f"--namespace={NAMESPACE}", f"--selector={DRIVER_PODS}")

        def others() -> bool:
            now = self.driver_pods()
            return len(now) == len(before) and not now & before

        wait_for(others, "other pods of the GlusterFS driver", 60)

    def ready(self, timeout: float = 120) -> None:
        """Wait until the operator's replicas are up, and one leads."""
        rollout = ["rollout", "status", "deployment/akid-operator", f"--namespace={NAMESPACE}"]
        self.cluster.kubectl(*rollout, f"--timeout={timeout:g}s")
        wait_for(self.leader, "a replica of the operator leads", 60)

    def replicas(self) -> set[str]:
        """The operator's pods."""
        pods = self.cluster.admin.get(f"{CORE}/namespaces/{NAMESPACE}/pods?labelSelector={OPERATOR}")["items"]
        return {pod["metadata"]["name"] for pod in pods}

    def leader(self) -> str:
        """The identity of the replica that leads; empty when none does."""
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
        lease = self.cluster.admin.find(f"{leases}/akid-operator")
        return (lease or {}).get("spec", {}).get("holderIdentity") or ""


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
