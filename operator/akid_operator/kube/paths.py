"""Where things are in the API server's tree."""

from __future__ import annotations

from akid.job.api.job import API_VERSION, PLURAL

PLURALS = {
    "AkidJob": PLURAL,
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Event": "events",
    "Lease": "leases",
    "NetworkPolicy": "networkpolicies",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Pod": "pods",
    "PodGroup": "podgroups",
    "Secret": "secrets",
    "Service": "services",
}


def collection(api_version: str, kind: str, namespace: str | None) -> str:
    """The path of all objects of a kind in a namespace, or in all of them."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    middle = f"/namespaces/{namespace}" if namespace is not None else ""
    return f"{root}{middle}/{PLURALS[kind]}"


def item(api_version: str, kind: str, namespace: str, name: str) -> str:
    """The path of one object."""
    return f"{collection(api_version, kind, namespace)}/{name}"


def job(namespace: str, name: str) -> str:
    """The path of an AkidJob."""
    return item(API_VERSION, "AkidJob", namespace, name)


def pod(namespace: str, name: str) -> str:
    """The path of a pod."""
    return item("v1", "Pod", namespace, name)
