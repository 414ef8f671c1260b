"""PodGroups on a server that has no scheduler for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cluster.control import Cluster

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
