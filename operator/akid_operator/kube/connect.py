"""Credentials: from a kubeconfig or from the pod, for our client and for kopf's watches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubernetes.aio import config as loading
from kubernetes.aio.client import ApiClient, Configuration

from akid_operator.kube.errors import OperatorError

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
CONNECTIONS = 128


async def configuration(kubeconfig: str | None) -> Any:
    """The configuration of the official client.

    Args:
        kubeconfig: a path, or several separated by colons; without one, the pod's service account.
    """
    result: Any = Configuration()
    load: Any = loading
    if kubeconfig:
        if not _any_file(kubeconfig.split(":")):
            raise OperatorError(f"--kubeconfig: expected a file, received {kubeconfig!r}, which does not exist.")
        await load.load_kube_config(config_file=kubeconfig, client_configuration=result, persist_config=False)
    elif in_pod():
        load.load_incluster_config(client_configuration=result)
    else:
        raise OperatorError("No cluster: not in a pod, and neither --kubeconfig nor KUBECONFIG is given.")
    result.connection_pool_maxsize = CONNECTIONS
    # Else every request reads ~/.netrc in a thread. A kubeconfig's own proxy-url still counts.
    result.client_session_kwargs = {"trust_env": False}
    return result


def client(config: Any) -> Any:
    """A client of the official library."""
    return ApiClient(config)


def in_pod() -> bool:
    """Whether this process has a service account."""
    return NAMESPACE_FILE.exists()


def _any_file(names: list[str]) -> bool:
    return any(Path(name).is_file() for name in names)


def own_namespace() -> str:
    """The namespace the operator's pod is in; `default` outside of a cluster."""
    return NAMESPACE_FILE.read_text().strip() if in_pod() else "default"
