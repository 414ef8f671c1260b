"""A Kubernetes control plane of one's own, all of it real; who brings the nodes is a class of its own."""

import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar, Self

from cluster import binaries, commands, credentials
from cluster.api import Api
from cluster.processes import Keeper, Process
from cluster.reach import CORE, Reach
from cluster.waiting import wait_for

RBAC = "/apis/rbac.authorization.k8s.io/v1"


class ControlPlane(Reach):
    """Use as a context manager: everything of it is gone at the end, however that comes.

    A subclass says where it listens (`_layout`), who its users are and what else runs (`_start_nodes`).
    What takes minutes on a real cluster can be set: a node is NotReady `node_grace_seconds` after
    its last heartbeat (50 there), its pods are deleted `eviction_seconds` later (300 there; a pod's
    own toleration wins).
    """

    #: The user of each client, besides the administrator, and its groups.
    users: ClassVar[dict[str, list[str]]] = {"system:kube-controller-manager": [], "system:kube-scheduler": []}
    #: Clients of the API server among the processes: frozen while it is down.
    clients: ClassVar[tuple[str, ...]] = ("kube-controller-manager", "kube-scheduler")

    def __init__(
        self,
        *,
        node_grace_seconds: int = 12,
        eviction_seconds: int = 300,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._node_grace_seconds = node_grace_seconds
        self._eviction_seconds = eviction_seconds
        self._tell = tell
        self._undo = ExitStack()
        self.timings: dict[str, float] = {}
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Self:
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

    def _layout(self, programs: Path) -> commands.Layout:
        """Where it listens, and keeps its files."""
        raise NotImplementedError

    def _start_nodes(self) -> None:
        """What runs pods. When it returns, they can be scheduled."""
        raise NotImplementedError

    def _start(self, programs: Path) -> None:
        begun = time.monotonic()
        self.directory = Path(tempfile.mkdtemp(prefix="akid-cluster-"))
        self._undo.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.layout = self._layout(programs)
        self.keeper = Keeper(self.directory)
        self._undo.callback(self.keeper.close)
        self._start_servers()
        self.timings["API server ready"] = time.monotonic() - begun
        self._run("kube-controller-manager", commands.controller_manager(self.layout, self._node_grace_seconds))
        self._run("kube-scheduler", commands.scheduler(self.layout))
        self._start_nodes()
        self._until("kube-controller-manager", lambda: self.service_account_exists("default"))
        self.timings["pods can be created"] = time.monotonic() - begun

    def _start_servers(self) -> None:
        """etcd and the API server, which makes the authority that the kubeconfigs hold."""
        at = self.layout
        tokens = credentials.write_tokens(at.tokens, {"admin": ["system:masters"], **self.users})
        credentials.write_signing_key(at.signing_key)
        self._run("etcd", commands.etcd(at))
        self._run("kube-apiserver", commands.apiserver(at, self._eviction_seconds))
        self.admin = Api(at.url, at.authority, tokens["admin"])
        self._until("kube-apiserver", self.admin.answers)
        for user, token in tokens.items():
            credentials.write_kubeconfig(at.kubeconfig(user), at.url, at.authority, token)

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

    def _kubectl(self, kubeconfig: Path | None) -> list[str]:
        return [self.layout.program("kubectl"), f"--kubeconfig={kubeconfig or self.kubeconfig}"]

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
            for name in self.clients:
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
