"""A node in a sandbox: the driver as a process, and its kubelet as a gRPC client."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
from akid_csi.protocol import csi_pb2 as csi
from akid_csi.protocol import registration_pb2 as registration
from akid_csi.protocol.csi_pb2_grpc import IdentityStub, NodeStub
from akid_csi.protocol.registration_pb2_grpc import RegistrationStub
from csi.sandbox import Sandbox

OPERATOR = Path(__file__).resolve().parents[2] / "operator"
DEADLINE = 30.0
CALL_SECONDS = 120.0
CONTAINER = ("unshare", "--mount", "--propagation", "unchanged")
POD = "csi.storage.k8s.io/pod."


def until(holds: Callable[[], object], seconds: float = DEADLINE) -> float:
    """Wait for a condition; how long it took, in seconds."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() > begun + seconds:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.01)
    return time.monotonic() - begun


class Node:
    """A node's driver, and what the kubelet asks of it.

    Args:
        box: where it runs.
        servers: of the volumes, unless a call names others.
        options: further ones of the driver.
        contained: whether the driver is in a container, that shares the node's processes and its mounts (hostPID,
            Bidirectional); whoever kills it kills its clients.
    """

    def __init__(
        self, box: Sandbox, servers: Sequence[str] = (), options: Sequence[str] = (), *, contained: bool = True
    ) -> None:
        self.box = box
        self.state = box.directory / "plugins"
        self.pods = box.directory / "pods"
        self.log = box.directory / "driver.log"
        self.endpoint = self.state / "csi.sock"
        self._registration = box.directory / "registry" / "reg.sock"
        self._allow = box.directory / "allow.json"
        self._servers, self._options = servers, options
        self._contained = contained
        #: The driver's number, outside.
        self.driver = 0
        self.pods.mkdir(exist_ok=True)

    def allow(self, *rules: dict[str, Any]) -> None:
        """Write the allow-list; what a rule leaves out is what the node's volumes have."""
        whole = {"servers": list(self._servers), "volume": "rep3", "paths": ["/"]}
        self._allow.write_text(json.dumps({"rules": [whole | rule for rule in rules]}))

    def start(self) -> None:
        """Start the driver, and wait until it serves."""
        flags = {
            "endpoint": f"unix://{self.endpoint}",
            "registration": str(self._registration),
            "node-id": "node-a",
            "allow": str(self._allow),
            "state": str(self.state),
        }
        command = [f"--{name}={value}" for name, value in flags.items()]
        environment = ["env", f"PYTHONPATH={OPERATOR}", f"TMPDIR={self.box.directory}"]
        space = CONTAINER if self._contained else ()
        program = [sys.executable, "-m", "akid_csi"]
        others = self._processes("python")
        self._process = self.box.start([*space, *environment, *program, *command, *self._options], self.log)
        until(lambda: self._serves(others) or self._process.poll() is not None)
        assert self._process.poll() is None, self.log.read_text()
        # A child of its own may be about to become a client.
        self.driver = min(set(self._processes("python")).difference(others))
        self._channel = grpc.insecure_channel(f"unix:{self.endpoint}")
        self.identity, self.node = IdentityStub(self._channel), NodeStub(self._channel)
        self.ready()

    def _serves(self, others: list[int]) -> bool:
        return self._registration.exists() and self._processes("python") != others

    def ready(self) -> None:
        """Wait until a driver answers, this one or another of the node."""
        self.identity.Probe(csi.ProbeRequest(), timeout=DEADLINE, wait_for_ready=True)

    def register(self) -> registration.PluginInfo:
        """What the kubelet does when it sees the second socket."""
        channel = grpc.insecure_channel(f"unix:{self._registration}")
        stub = RegistrationStub(channel)
        info = stub.GetInfo(registration.InfoRequest(), timeout=DEADLINE)
        stub.NotifyRegistrationStatus(registration.RegistrationStatus(plugin_registered=True), timeout=DEADLINE)
        channel.close()
        return info

    def kill(self) -> None:
        """kill -9 the driver, and in a container all of it; as a process of the node its clients go on."""
        self._channel.close()
        doomed = [self.driver, *(self.clients() if self._contained else ())]
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(DEADLINE)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in doomed))
        self._registration.unlink(missing_ok=True)

    def stop(self) -> None:
        """Tell the driver to end."""
        if self._process.poll() is None:
            os.kill(self.driver, signal.SIGTERM)
            self._process.wait(DEADLINE)
        self._channel.close()

    def clients(self) -> list[int]:
        """Numbers, outside, of the FUSE clients of this node."""
        return self._processes("glusterfs")

    def _processes(self, program: str) -> list[int]:
        """Those whose program is called so, and that know this node's directory."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else [""]
                if Path(words[0]).name.startswith(program) and str(self.state) in "".join(words):
                    found.append(int(entry.name))
        return found

    def target(self, pod: str) -> Path:
        """Where the kubelet wants a pod's volume."""
        return self.pods / pod / "volumes" / "kubernetes.io~csi" / "data" / "mount"

    def seen(self, pod: str) -> Path:
        """The same as it looks on the node."""
        return self.box.inside(self.target(pod))

    def publish(
        self, pod: str, sub_dir: str = "", *, read_only: bool = False, namespace: str = "ml", **attributes: str
    ) -> Path:
        """NodePublishVolume, as the kubelet calls it for an inline volume; the target as seen on the node."""
        self.target(pod).parent.mkdir(parents=True, exist_ok=True)
        mode = csi.VolumeCapability.AccessMode
        context = {
            "servers": ",".join(self._servers),
            "volume": "rep3",
            "subDir": sub_dir,
            f"{POD}namespace": namespace,
            f"{POD}name": pod,
            "csi.storage.k8s.io/ephemeral": "true",
        }
        request = csi.NodePublishVolumeRequest(
            volume_id=f"csi-{pod}",
            target_path=str(self.target(pod)),
            readonly=read_only,
            volume_capability=csi.VolumeCapability(
                mount=csi.VolumeCapability.MountVolume(), access_mode=mode(mode=mode.SINGLE_NODE_WRITER)
            ),
            volume_context=context | attributes,
        )
        self.node.NodePublishVolume(request, timeout=CALL_SECONDS)
        return self.seen(pod)

    def unpublish(self, pod: str) -> None:
        """NodeUnpublishVolume."""
        target = str(self.target(pod))
        request = csi.NodeUnpublishVolumeRequest(volume_id=f"csi-{pod}", target_path=target)
        self.node.NodeUnpublishVolume(request, timeout=CALL_SECONDS)

    def mounts(self) -> list[str]:
        """What is mounted below the node's directories."""
        lines = self.box.inside("/proc/1/mountinfo").read_text().splitlines()
        points = [line.split()[4] for line in lines]
        return [point for point in points if point.startswith((str(self.pods), str(self.state)))]


class Pod:
    """A pod's container on the node: a mount namespace that gets the node's mounts (HostToContainer).

    Args:
        node: where it runs.
        name: of the pod, whose volume it mounts at /mnt.
    """

    def __init__(self, node: Node, name: str) -> None:
        script = 'mount --rbind "$1" /mnt && mount --make-rslave /mnt && echo ready && exec sleep infinity'
        command = [
            "unshare",
            "--mount",
            "--propagation",
            "slave",
            "sh",
            "-c",
            script,
            "sh",
            str(node.target(name)),
        ]
        self._process = subprocess.Popen(
            [*node.box.prefix, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        # nsenter's child, which has become the container's process.
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self.volume = Path(f"/proc/{children[0]}/root/mnt")
        self._pid = int(children[0])

    def reads(self, name: str) -> str | None:
        """The text of a file of the volume; None while the volume is dead."""
        try:
            return (self.volume / name).read_text()
        except OSError:
            return None

    def end(self) -> None:
        """End the container."""
        os.kill(self._pid, signal.SIGKILL)
        self._process.communicate()
