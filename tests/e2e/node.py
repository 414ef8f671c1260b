"""A real node: a mount namespace of its own, in it a containerd and a kubelet.

Two nodes on one machine need it: the kubelet's directory of device plugins is a constant, and a kubelet takes
containers, cgroups and pod logs that it does not know for leftovers of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from cluster.processes import Keeper, Process
from cluster.waiting import wait_for
from e2e import configs
from e2e.configs import NodePlan
from e2e.sandbox import CGROUPS

# The kubelet's directory is shared within the node: the kubelet sees what a CSI driver's pod mounts in there.
HOLD = """set -e
mkdir -p /var/lib/kubelet /var/log/pods
mount --bind {disk}/kubelet /var/lib/kubelet
mount --make-rshared /var/lib/kubelet
mount --bind {disk}/logs /var/log/pods
touch {run}/mounted
exec sleep infinity
"""


#: The port of a kubelet.
KUBELET = 10250


class Node:
    """Started by its parts, in this order: `mounted`, `run_containerd`, `load`, `run_kubelet`."""

    def __init__(self, keeper: Keeper, plan: NodePlan) -> None:
        self._keeper = keeper
        self.plan = plan
        self.processes: dict[str, Process] = {}

    @property
    def name(self) -> str:
        return self.plan.name

    def mounted(self) -> None:
        """Its addresses, cgroups and mounts."""
        plan = self.plan
        for directory in ("kubelet", "logs", "containerd", "cni"):
            (plan.disk / directory).mkdir(parents=True)
        plan.run.mkdir(parents=True)
        (plan.cni / "10-bridge.conflist").write_text(json.dumps(configs.cni(plan)))
        make_cgroup(plan.cgroup)
        # The kubelet wants its address to be an interface's, before any pod makes the bridge. A bridge without an
        # address of its own changes it as pods come and go, and traffic between the nodes stalls for a second.
        ip("address", "add", f"{plan.address}/32", "dev", "lo")
        ip("link", "add", plan.bridge, "address", f"02:00:00:00:66:{plan.index:02x}", "type", "bridge")
        ip("address", "add", plan.gateway, "dev", plan.bridge)
        ip("link", "set", plan.bridge, "up")
        script = HOLD.format(disk=plan.disk, run=plan.run)
        self._run("mounts", ["unshare", "--mount", "--propagation", "private", "bash", "-c", script])
        wait_for((plan.run / "mounted").exists, f"the mounts of {self.name}", 10)

    def run_containerd(self) -> None:
        """The container runtime."""
        plan = self.plan
        config = plan.disk / "containerd.toml"
        config.write_text(configs.containerd(plan))
        places = ["--root", str(plan.disk / "containerd"), "--state", str(plan.run / "containerd")]
        argv = ["containerd", "--config", str(config), *places, "--address", str(plan.socket)]
        self._run("containerd", self.inside(*argv))
        wait_for(self._serves, f"containerd of {self.name}: {self.processes['containerd'].tail()}", 30)

    def load(self, archive: Path) -> None:
        """Import an image, under the name that its archive holds."""
        self.ctr("images", "import", str(archive), timeout=300)

    def trust(self, registry: str, certificate: Path) -> None:
        """Pull from a registry (a host) for which this certificate vouches."""
        directory = self.plan.registries / registry
        directory.mkdir(parents=True)
        shutil.copy(certificate, directory / "ca.crt")

    def run_kubelet(self, program: str, kubeconfig: Path, resolv: Path) -> None:
        """The kubelet, which registers the node."""
        plan = self.plan
        config = plan.disk / "kubelet.json"
        config.write_text(json.dumps(configs.kubelet(plan, resolv)))
        argv = [program, f"--config={config}", f"--kubeconfig={kubeconfig}", f"--node-ip={plan.address}"]
        self._run("kubelet", self.inside(*argv, f"--hostname-override={self.name}"))

    def lost(self) -> None:
        """All that runs on it ends at once, and its pods' network is cut off: nobody is told."""
        for part in ("kubelet", "containerd"):
            self.processes[part].stop(signal.SIGKILL)
        ip("link", "set", self.plan.bridge, "down")
        kill_cgroup(self.plan.cgroup)

    def back(self) -> None:
        """It is switched on again."""
        ip("link", "set", self.plan.bridge, "up")
        self.processes["containerd"].start()
        wait_for(self._serves, f"containerd of {self.name}", 30)
        self.processes["kubelet"].start()
        wait_for(self._kubelet_answers, f"the kubelet of {self.name}", 60, every=0.5)

    def inside(self, *argv: str) -> list[str]:
        """A command that runs in the node's mount namespace."""
        return ["nsenter", f"--mount=/proc/{self.processes['mounts'].identity.pid}/ns/mnt", *argv]

    def ctr(self, *arguments: str, timeout: float = 30) -> str:
        """Ask its containerd; CalledProcessError (with stderr) if that fails."""
        argv = self.inside("ctr", f"--address={self.plan.socket}", "--namespace=k8s.io", *arguments)
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=timeout).stdout

    def run(self, part: str, argv: list[str]) -> Process:
        """A further process of the node, in its mount namespace."""
        return self._run(part, self.inside(*argv))

    def _run(self, part: str, argv: list[str]) -> Process:
        self.processes[part] = Process(self._keeper, f"{self.name}-{part}", argv)
        return self.processes[part]

    def _kubelet_answers(self) -> bool:
        """Whether it listens; one that has ended is started again, as a machine does it.

        It ends if containerd, just started, still looks at the containers that it finds.
        """
        kubelet = self.processes["kubelet"]
        if kubelet.exit_code() is not None:
            kubelet.start()
            return False
        with socket.socket() as connection:
            connection.settimeout(1)
            return connection.connect_ex((self.plan.address, KUBELET)) == 0

    def _serves(self) -> bool:
        try:
            self.ctr("version")
        except subprocess.CalledProcessError:
            return False
        return True


def ip(*arguments: str) -> None:
    """Set up the network; CalledProcessError if that fails."""
    subprocess.run(["ip", *arguments], check=True)


def kill_cgroup(path: str, patience: float = 20) -> None:
    """Kill whatever runs in a cgroup, and in those below it."""

    def all_gone() -> bool:
        pids: set[str] = set()
        for file in CGROUPS.glob(f"*/{path.strip('/')}/**/cgroup.procs"):
            with suppress(OSError):  # it has gone meanwhile
                pids |= set(file.read_text().split())
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return not pids

    wait_for(all_gone, f"no process in {path}", patience)


def make_cgroup(path: str) -> None:
    """A cgroup in every hierarchy: the kubelet wants them all to be there. A cpuset begins empty, and unusable."""
    for hierarchy in (entry for entry in CGROUPS.iterdir() if entry.is_dir() and entry.name != "unified"):
        inner = hierarchy
        for part in path.strip("/").split("/"):
            inner = inner / part
            inner.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (inner / name).exists():
                    (inner / name).write_text((hierarchy / name).read_text())
