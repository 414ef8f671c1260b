"""The fake nodes, and the role that lets kwok play them and their pods."""

from typing import Any

# A node whose label has not the value "up" is silent, and so are its pods.
LABEL = "sim.akid.dev/node"
CAPACITY = {"cpu": "64", "memory": "512Gi", "pods": "1000", "nvidia.com/gpu": "8"}


def node(name: str, version: str, capacity: dict[str, str]) -> dict[str, Any]:
    """A node that kwok brings up."""
    labels = {
        LABEL: "up",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    amounts = CAPACITY | capacity
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [{"type": "Hostname", "address": name}],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeletVersion": version,
                "containerRuntimeVersion": "kwok://0.8.0",
                "osImage": "kwok",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "bootID": "",
                "machineID": "",
                "systemUUID": "",
            },
        },
    }


def _rule(group: str, resources: str, verbs: str) -> dict[str, list[str]]:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}


KWOK_ROLE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "akid:kwok"},
    "rules": [
        _rule("", "nodes pods", "get list watch"),
        _rule("", "nodes/status pods/status", "patch update"),
        _rule("", "pods", "delete"),
        _rule("", "events", "create patch update"),
        _rule("coordination.k8s.io", "leases", "get list watch create update patch"),
    ],
}
KWOK_BINDING: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "akid:kwok"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "akid:kwok",
    },
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "akid:kwok"}],
}
