"""A cluster as its administrator reaches it, whoever runs it."""

import os
import re
import secrets
import select
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.api import Api, ApiError
from cluster.waiting import wait_for

CORE = "/api/v1"


class Reach:
    """A subclass sets `admin`, a plain client of the API server, and `directory`, where files of ours can be."""

    admin: Api
    directory: Path

    @property
    def kubeconfig(self) -> Path | None:
        """The administrator's; None for the one by default."""
        raise NotImplementedError

    def _kubectl(self, kubeconfig: Path | None) -> list[str]:
        """How kubectl is called; by default as the administrator."""
        raise NotImplementedError

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl and return what it prints; CalledProcessError (with stderr) if it fails."""
        return subprocess.run(
            [*self._kubectl(kubeconfig), *arguments],
            env=os.environ | {"KUBECACHEDIR": str(self.directory / "kubectl-cache")},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout

    def environment(self) -> dict[str, str]:
        """The variables by which a program that calls kubectl reaches the cluster as the administrator."""
        program = Path(self._kubectl(None)[0])
        found = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        return os.environ | found | ({"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {})

    @contextmanager
    def forwarded(self, namespace: str, target: str, port: int, patience: float = 60) -> Generator[int]:
        """`kubectl port-forward` to a port of a pod or a Service; the port of 127.0.0.1 that leads there."""
        command = [*self._kubectl(None), f"--namespace={namespace}", "port-forward", target, f":{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                told = process.stdout.readline() if select.select([process.stdout], [], [], patience)[0] else ""
                found = re.search(r"127\.0\.0\.1:(\d+) ->", told)
                if found is None:
                    raise RuntimeError(f"kubectl port-forward {target} {port} said {told!r}")
                yield int(found[1])
            finally:
                process.terminate()

    # -- namespaces

    @contextmanager
    def namespace(self, prefix: str = "test") -> Generator[str]:
        """A new namespace, ready for pods; at the end of the block its deletion is begun."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.admin.create(f"{CORE}/namespaces", {"metadata": {"name": name}})
        try:
            # The controllers may be away for a while, after the API server was.
            wait_for(lambda: self.service_account_exists(name), f"the service account of {name}", 120)
            yield name
        finally:
            self.admin.delete(f"{CORE}/namespaces/{name}/pods?gracePeriodSeconds=0")  # also those that hang
            self.admin.delete(f"{CORE}/namespaces/{name}")

    def service_account_exists(self, namespace: str) -> bool:
        """Before it does, no pod is admitted."""
        return self.admin.find(f"{CORE}/namespaces/{namespace}/serviceaccounts/default") is not None

    def serves_akidjobs(self) -> bool:
        """Whether the kind, just defined, is there: first it is unknown (404), then initialised (429)."""
        try:
            self.admin.get("/apis/akid.dev/v1alpha1/akidjobs?limit=1")
        except ApiError as error:
            if error.status in (404, 429):
                return False
            raise
        return True

    # -- nodes

    def node_ready(self, name: str) -> str:
        """The status of its condition Ready: True, False or Unknown (nothing heard of it)."""
        conditions: list[dict[str, Any]] = self.admin.get(f"{CORE}/nodes/{name}")["status"].get("conditions", [])
        return next(
            (condition["status"] for condition in conditions if condition["type"] == "Ready"),
            "Unknown",
        )

    def node_usable(self, name: str) -> bool:
        """Whether pods are scheduled to it: ready, and its taint taken away by the controllers."""
        taints = self.admin.get(f"{CORE}/nodes/{name}")["spec"].get("taints")
        return not taints and self.node_ready(name) == "True"
