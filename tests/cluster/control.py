"""A Kubernetes control plane of one's own, all of it real; nodes and pods are played by kwok."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cluster import binaries, commands, credentials, nodes, stages
from cluster.api import Api
from cluster.ports import Port
from cluster.processes import Keeper, Process
from cluster.waiting import wait_for

CORE = "/api/v1"
CLIENTS = ("kube-controller-manager", "kube-scheduler", "kwok")
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Cluster:
    """Use as a context manager: it listens on 127.0.0.1 and is gone at the end, however that comes.

    What takes minutes on a real cluster can be set: a node is NotReady `node_grace_seconds` after
    its last heartbeat (50 there), its pods are deleted `eviction_seconds` later (300 there and
    here; a pod's own toleration wins). Pods of AkidJobs that say nothing of it succeed after
    `job_seconds`.
    """

    def __init__(
        self,
        *,
        node_count: int = 3,
        node_grace_seconds: int = 12,
        eviction_seconds: int = 300,
        job_seconds: float | None = None,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._node_count = node_count
        self._node_grace_seconds = node_grace_seconds
        self._eviction_seconds = eviction_seconds
        self._job_seconds = job_seconds
        self._tell = tell
        self._undo = ExitStack()
        self.timings: dict[str, float] = {}
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> "Cluster":
        programs = binaries.programs(self._tell)
        try:
            self._start(programs)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process, free the ports, remove the directory."""
        self._undo.close()
        self.processes.clear()

    # -- start

    def _start(self, programs: Path) -> None:
        begun = time.monotonic()
        self.directory = Path(tempfile.mkdtemp(prefix="akid-cluster-"))
        self._undo.callback(shutil.rmtree, self.directory, ignore_errors=True)
        etcd_port, api_port = (self._undo.enter_context(Port()).number for _ in range(2))
        self.layout = commands.Layout(programs, self.directory, etcd_port, api_port)
        self.keeper = Keeper(self.directory)
        self._undo.callback(self.keeper.close)
        self._start_servers()
        self.timings["API server ready"] = time.monotonic() - begun
        self._start_clients()
        self.timings["pods can be created"] = time.monotonic() - begun

    def _start_servers(self) -> None:
        """etcd and the API server, which makes the authority that the kubeconfigs hold."""
        at = self.layout
        tokens = credentials.write_tokens(at.tokens)
        credentials.write_signing_key(at.signing_key)
        self._run("etcd", commands.etcd(at))
        self._run("kube-apiserver", commands.apiserver(at, self._eviction_seconds))
        self.admin = Api(at.url, at.authority, tokens["admin"])
        self._until("kube-apiserver", self.admin.answers)
        for user, token in tokens.items():
            credentials.write_kubeconfig(at.kubeconfig(user), at.url, at.authority, token)

    def _start_clients(self) -> None:
        """Everything else, until a pod can be created and has somewhere to run."""
        at = self.layout
        grace = self._node_grace_seconds
        self.admin.create(f"{RBAC}/clusterroles", nodes.KWOK_ROLE)
        self.admin.create(f"{RBAC}/clusterrolebindings", nodes.KWOK_BINDING)
        self._run("kube-controller-manager", commands.controller_manager(at, grace))
        self._run("kube-scheduler", commands.scheduler(at))
        stages.write(at.stages, self._job_seconds)
        self._run("kwok", commands.kwok(at, f"{nodes.LABEL}=up", grace))
        names = [f"node-{number}" for number in range(self._node_count)]
        for name in names:
            self.add_node(name)
        self._until("kube-controller-manager", lambda: self.service_account_exists("default"))
        self._until("kwok", lambda: all(self.node_usable(name) for name in names))

    def _run(self, name: str, argv: list[str]) -> None:
        self.processes[name] = Process(self.keeper, name, argv)

    def _until(self, name: str, condition: Callable[[], bool], timeout: float = 90) -> None:
        """Wait for what a process brings about, unless it ends before."""

        def reached() -> bool:
            for process in self.processes.values():
                if process.exit_code() is not None:
                    raise RuntimeError(f"{process.name} has ended:\n{process.tail()}")
            return condition()

        wait_for(reached, f"{name} does its part", timeout)

    # -- reach it

    @property
    def url(self) -> str:
        """Of the API server."""
        return self.layout.url

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.layout.kubeconfig("admin")

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl and return what it prints; CalledProcessError (with stderr) if it fails."""
        return subprocess.run(
            [
                self.layout.program("kubectl"),
                f"--kubeconfig={kubeconfig or self.kubeconfig}",
                *arguments,
            ],
            env=os.environ | {"KUBECACHEDIR": str(self.directory / "kubectl-cache")},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout

    def token(self, namespace: str, service_account: str) -> str:
        """A new token of a service account."""
        path = f"{CORE}/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        return self.admin.create(path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]

    def api_as(self, namespace: str, service_account: str) -> Api:
        """The API server as a service account sees it."""
        return Api(self.url, self.layout.authority, self.token(namespace, service_account))

    def kubeconfig_as(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig of a service account, its namespace the default one."""
        path = self.directory / f"{namespace}-{service_account}.kubeconfig"
        token = self.token(namespace, service_account)
        return credentials.write_kubeconfig(path, self.url, self.layout.authority, token, namespace)

    # -- namespaces

    @contextmanager
    def namespace(self, prefix: str = "test") -> Generator[str]:
        """A new namespace, ready for pods; at the end of the block its deletion is begun."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.admin.create(f"{CORE}/namespaces", {"metadata": {"name": name}})
        try:
            wait_for(lambda: self.service_account_exists(name), f"the service account of {name}")
            yield name
        finally:
            self.admin.delete(f"{CORE}/namespaces/{name}/pods?gracePeriodSeconds=0")  # also those that hang
            self.admin.delete(f"{CORE}/namespaces/{name}")

    def service_account_exists(self, namespace: str) -> bool:
        """Before it does, no pod is admitted."""
        return self.admin.find(f"{CORE}/namespaces/{namespace}/serviceaccounts/default") is not None

    # -- nodes

    def add_node(self, name: str, capacity: dict[str, str] | None = None) -> None:
        """Add a fake node; `capacity` overrides the amounts of `nodes.CAPACITY`."""
        self.admin.create(f"{CORE}/nodes", nodes.node(name, binaries.kubernetes_version(), capacity or {}))

    def silence_node(self, name: str) -> None:
        """Stop its heartbeats and leave its pods alone, as when a machine is cut off."""
        self._label_node(name, "down")

    def revive_node(self, name: str) -> None:
        """Undo `silence_node`."""
        self._label_node(name, "up")

    def _label_node(self, name: str, value: str) -> None:
        self.admin.patch(f"{CORE}/nodes/{name}", {"metadata": {"labels": {nodes.LABEL: value}}})

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

    # -- faults

    @contextmanager
    def api_server_down(self) -> Generator[None]:
        """Crash the API server for the block; then it is ready again, with its port and data.

        Killed, because in an orderly end it waits up to a minute for the watches of its clients.
        Its clients of the control plane are frozen meanwhile: by their retries, which come ever
        more slowly, they would be back only half a minute after an outage of 15 s.
        """
        server = self.processes["kube-apiserver"]
        with ExitStack() as frozen:
            for name in CLIENTS:
                frozen.enter_context(self.processes[name].paused())
            server.stop(signal.SIGKILL)
            try:
                yield
            finally:
                server.start()
                self._until(server.name, self.admin.answers)

    def restart_api_server(self) -> None:
        """Crash it and start it again."""
        with self.api_server_down():
            pass
