"""What a failed scenario leaves to read: the namespace as kubectl tells it, and the logs."""

from __future__ import annotations

import subprocess

from cluster.reach import CORE, Reach
from e2e.site import NAMESPACE

LINES = 60


def report(cluster: Reach, namespaces: list[str]) -> str:
    """Of some namespaces and of the operator. Never raises: the first failure is what counts."""
    parts = [_told(cluster, "get", "nodes", "-o", "wide")]
    for namespace in [*namespaces, NAMESPACE]:
        here = f"--namespace={namespace}"
        parts += [
            _told(cluster, "get", "akidjobs,pods", here, "-o", "wide"),
            _told(cluster, "describe", "akidjobs", here),
            _told(cluster, "get", "events", here, "--sort-by=.lastTimestamp"),
        ]
        parts += [_pod(cluster, here, pod) for pod in _pods(cluster, namespace)]
    return "\n".join(parts)


def _pods(cluster: Reach, namespace: str) -> list[str]:
    try:
        items = cluster.admin.get(f"{CORE}/namespaces/{namespace}/pods")["items"]
    except OSError:
        return []
    return [pod["metadata"]["name"] for pod in items]


def _pod(cluster: Reach, here: str, pod: str) -> str:
    conditions = _told(cluster, "get", "pod", pod, here, "-o", "jsonpath={.status}")
    return "\n".join([conditions, _told(cluster, "logs", pod, here, "--all-containers", f"--tail={LINES}")])


def _told(cluster: Reach, *arguments: str) -> str:
    try:
        answer = cluster.kubectl(*arguments)
    except (subprocess.SubprocessError, OSError) as error:
        answer = f"{error}\n{getattr(error, 'stderr', '') or ''}"
    return f"$ kubectl {' '.join(arguments)}\n{answer}"
