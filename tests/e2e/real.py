"""A real cluster: the test control plane with kubelets, containerd, kube-proxy and CoreDNS. Only in a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from cluster import binaries, commands
from cluster.plane import ControlPlane
from cluster.reach import CORE
from e2e import configs
from e2e.configs import NodePlan
from e2e.node import Node, ip

NODES = 2
GPU_PLUGIN = Path(__file__).with_name("gpu_plugin.py")
GPU = "nvidia.com/gpu"


class RealCluster(ControlPlane):
    """Two nodes.

    Args:
        archives: of the images that the nodes have; the first is that of the pods' sandboxes.
        messages: directory of the modules of the kubelet's device plugin API; empty for nodes without GPUs.
        gpus: of each node.
        tell: is told what takes its time.
    """

    users: ClassVar = (
        ControlPlane.users
        | {"system:kube-proxy": [], "system:coredns": []}
        | {f"system:node:{configs.node_name(index)}": ["system:nodes"] for index in range(NODES)}
    )
    clients: ClassVar = ()  # a crash of the API server is theirs to get over, as on any cluster

    def __init__(
        self,
        archives: Sequence[Path],
        *,
        messages: str = "",
        gpus: int = 2,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        super().__init__(node_grace_seconds=40, tell=tell)
        self._archives = archives
        self._messages = messages
        self._gpus = gpus if messages else 0
        self.nodes: list[Node] = []

    def _layout(self, programs: Path) -> commands.Layout:
        ip("address", "add", f"{configs.API}/32", "dev", "lo")
        return commands.Layout(programs, self.directory, 2379, 6443, configs.API, binaries.minor())

    def _start_nodes(self) -> None:
        self._programs = binaries.node_programs(self._tell)
        self._resolv = self.directory / "resolv.conf"
        self._resolv.write_text(f"nameserver {configs.DNS}\n")
        self.nodes = [Node(self.keeper, self._plan(index)) for index in range(NODES)]
        self._start_network()
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(self._start_node, node) for node in self.nodes]:
                done.result()
        for node in self.nodes:
            self._until(node.name, lambda name=node.name: self.node_there(name))

    def node(self, name: str) -> Node:
        """The one of this name."""
        return next(node for node in self.nodes if node.name == name)

    def node_there(self, name: str) -> bool:
        """It is usable, and its GPUs have been told, which takes the kubelet some seconds."""
        node = self.admin.find(f"{CORE}/nodes/{name}")
        gpus = node["status"].get("allocatable", {}).get(GPU, "0") if node else "0"
        return node is not None and int(gpus) == self._gpus and self.node_usable(name)

    def _plan(self, index: int) -> NodePlan:
        sandbox = Path(os.environ["AKID_SANDBOX"])
        name = configs.node_name(index)
        return NodePlan(index, f"/{sandbox.name}/{name}", sandbox / "disks" / name, Path("/run") / name)

    def _start_node(self, node: Node) -> None:
        """The images are imported beside each other: each is unpacked by one thread."""
        node.mounted()
        node.run_containerd()
        node.load(self._archives[0])
        kubeconfig = self.layout.kubeconfig(f"system:node:{node.name}")
        node.run_kubelet(str(self._programs / "kubelet"), kubeconfig, self._resolv)
        if self._messages:
            node.run("gpus", [sys.executable, str(GPU_PLUGIN), self._messages, str(self._gpus)])
        for archive in self._archives[1:]:
            node.load(archive)
        self.processes |= {process.name: process for process in node.processes.values()}

    def _start_network(self) -> None:
        """Services and names. What leaves the pods' network gets the node's address."""
        for path, manifest in configs.DNS_OBJECTS:
            self.admin.create(path, manifest)
        self._run("coredns", [str(self._programs / "coredns"), "-conf", str(self._corefile())])
        config = self.directory / "kube-proxy.json"
        kubeconfig = self.layout.kubeconfig("system:kube-proxy")
        config.write_text(json.dumps(configs.kube_proxy(kubeconfig, self.nodes[0].name)))
        self._run("kube-proxy", [str(self._programs / "kube-proxy"), f"--config={config}"])
        rule = ["-s", configs.PODS, "!", "-d", configs.PODS, "-j", "MASQUERADE"]
        subprocess.run(["iptables", "-w", "-t", "nat", "-A", "POSTROUTING", *rule], check=True)

    def _corefile(self, **options: int) -> Path:
        path = self.directory / "Corefile"
        path.write_text(configs.corefile(self.layout.kubeconfig("system:coredns"), **options))
        return path

    @contextmanager
    def without_dns_cache(self) -> Generator[None]:
        """In the block every name is looked up anew; else, as on most clusters, an answer is kept for 30 s."""
        self._corefile(kept_seconds=0)
        self._restart_dns()
        try:
            yield
        finally:
            self._corefile()
            self._restart_dns()

    def _restart_dns(self) -> None:
        process = self.processes["coredns"]
        process.stop()
        process.start()
        self._until(process.name, dns_ready)


def dns_ready() -> bool:
    """Whether CoreDNS knows the cluster's names, by its own judgement."""
    try:
        with urllib.request.urlopen(f"http://{configs.API}:8181/ready", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
