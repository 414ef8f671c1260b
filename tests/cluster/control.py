"""A control plane whose nodes and pods are played by kwok: no root, no containers, up in seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from cluster import binaries, commands, nodes, stages
from cluster.plane import RBAC, ControlPlane
from cluster.ports import Port
from cluster.reach import CORE

__all__ = ["CORE", "RBAC", "Cluster"]


class Cluster(ControlPlane):
    """It listens on 127.0.0.1. Pods of AkidJobs that say nothing of it succeed after `job_seconds`."""

    users: ClassVar = ControlPlane.users | {"akid:kwok": []}
    clients: ClassVar = (*ControlPlane.clients, "kwok")

    def __init__(
        self,
        *,
        node_count: int = 3,
        node_grace_seconds: int = 12,
        eviction_seconds: int = 300,
        job_seconds: float | None = None,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        super().__init__(node_grace_seconds=node_grace_seconds, eviction_seconds=eviction_seconds, tell=tell)
        self._node_count = node_count
        self._job_seconds = job_seconds

    def _layout(self, programs: Path) -> commands.Layout:
        etcd_port, api_port = (self._undo.enter_context(Port()).number for _ in range(2))
        return commands.Layout(programs, self.directory, etcd_port, api_port, minor=binaries.minor())

    def _start_nodes(self) -> None:
        grace = self._node_grace_seconds
        self.admin.create(f"{RBAC}/clusterroles", nodes.KWOK_ROLE)
        self.admin.create(f"{RBAC}/clusterrolebindings", nodes.KWOK_BINDING)
        stages.write(self.layout.stages, self._job_seconds)
        self._run("kwok", commands.kwok(self.layout, f"{nodes.LABEL}=up", grace))
        names = [f"node-{number}" for number in range(self._node_count)]
        for name in names:
            self.add_node(name)
        self._until("kwok", lambda: all(self.node_usable(name) for name in names))

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
