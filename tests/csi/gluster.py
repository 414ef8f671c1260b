"""A GlusterFS cluster of three nodes, each in a network and a mount namespace of its own.

`Gluster` wants to run in namespaces that are thrown away whole (`Sandbox`): it makes a bridge and processes, and
leaves taking them down to whoever owns the namespaces.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

NET = "10.77.0"
BRIDGE = "glbr0"
DEADLINE = 60.0
NODE = """
for place in run lib log brick; do mkdir -p "$1/$place"; done
mkdir -p "$1/run/gluster" /var/lib/glusterd /var/log/glusterfs
mount --bind "$1/run" /run && mount --bind "$1/lib" /var/lib/glusterd && mount --bind "$1/log" /var/log/glusterfs
echo $$ > "$1/pid"
exec sleep infinity
"""


@dataclass
class Gluster:
    """Nodes 1, 2, 3 at 10.77.0.1-3; whoever made the bridge is 10.77.0.254.

    Args:
        directory: where the nodes keep their files; on a file system with extended attributes (no tmpfs).
        prefix: what goes before a command so that it runs where the cluster is, such as `Sandbox.prefix`.
    """

    directory: Path
    prefix: Sequence[str] = ()

    @property
    def servers(self) -> list[str]:
        """Their addresses."""
        return [f"{NET}.{node}" for node in (1, 2, 3)]

    def up(self) -> None:
        """Start the nodes and make them one cluster."""
        self._run("ip", "link", "add", BRIDGE, "type", "bridge")
        self._run("ip", "link", "set", BRIDGE, "address", "02:00:00:77:00:fe")
        self._run("ip", "addr", "add", f"{NET}.254/24", "dev", BRIDGE)
        self._run("ip", "link", "set", BRIDGE, "up")
        for node in (1, 2, 3):
            self._make(node)
            self.start(node)
        for node in (1, 2, 3):
            self._until(lambda node=node: self.cli(node, "peer", "status", check=False)[0] == 0)
        for node in (2, 3):
            self.cli(1, "peer", "probe", f"{NET}.{node}")
        self._until(lambda: self.cli(1, "peer", "status")[1].count("(Connected)") == 2)

    def volume(self, name: str, *, ping_timeout: int = 5) -> None:
        """A started volume with a replica on each node."""
        bricks = [f"{NET}.{node}:{self.directory}/n{node}/brick/{name}" for node in (1, 2, 3)]
        self._until(
            lambda: self.cli(1, "volume", "create", name, "replica", "3", *bricks, "force", check=False)[0] == 0
        )
        self.cli(1, "volume", "set", name, "network.ping-timeout", str(ping_timeout))
        self.cli(1, "volume", "start", name)
        self._until(lambda: self.online(name) == 3)

    def online(self, name: str) -> int:
        """How many bricks of a volume serve."""
        code, told = self.cli(1, "volume", "status", name, check=False)
        lines = told.splitlines() if code == 0 else []
        # A long brick name wraps, and its figures stand on the next line: port, RDMA port, online, pid.
        return sum(
            line.split()[-2:-1] == ["Y"]
            for first, line in zip(["", *lines], lines, strict=False)
            if first.startswith("Brick") or line.startswith("Brick")
        )

    def kill_brick(self, node: int, name: str) -> None:
        """kill -9 one brick's process."""
        self._at(node, "sh", "-c", f"kill -9 $(cat /run/gluster/vols/{name}/*.pid)")
        self._until(lambda: self.online(name) < 3)

    def heal(self, name: str) -> None:
        """Start the bricks that are down, and wait until nothing is left to heal."""

        def healed() -> bool:
            self.cli(1, "volume", "start", name, "force", check=False)
            return self.online(name) == 3 and self.cli(1, "volume", "heal", name, check=False)[0] == 0

        self._until(healed)
        self._until(lambda: self._unhealed(name) == 0)

    def pause(self, node: int, *, go_on: bool = False) -> None:
        """Stop a node's daemon without ending it, or let it go on; its bricks serve all the while."""
        self._at(node, "sh", "-c", f"kill -{'CONT' if go_on else 'STOP'} $(cat /run/glusterd.pid)")

    def brick(self, node: int, name: str) -> Path:
        """Where a node keeps its replica."""
        return self.directory / f"n{node}" / "brick" / name

    def start(self, node: int) -> None:
        """Start a node's daemon, which starts its bricks."""
        self._at(node, "glusterd", "-p", "/run/glusterd.pid")

    def cli(self, node: int, *arguments: str, check: bool = True) -> tuple[int, str]:
        """gluster's command line on a node: (exit code, what it said)."""
        return self._at(node, "gluster", "--mode=script", *arguments, check=check)

    def _unhealed(self, name: str) -> int:
        code, told = self.cli(1, "volume", "heal", name, "info", check=False)
        counts = [line.rpartition(":")[2].strip() for line in told.splitlines() if line.startswith("Number of")]
        return sum(map(int, counts)) if code == 0 and len(counts) == 3 and all(map(str.isdigit, counts)) else -1

    def _make(self, node: int) -> None:
        """The namespaces of a node, and its cable."""
        place = self.directory / f"n{node}"
        place.mkdir(parents=True)
        spaces = ["setsid", "--fork", "unshare", "--net", "--mount", "--propagation", "private"]
        self._run(*spaces, "sh", "-ec", NODE, "sh", str(place))
        self._until((place / "pid").exists)
        self._until(lambda: bool((place / "pid").read_text()))
        holder = (place / "pid").read_text().strip()
        self._run("ip", "link", "add", f"glv{node}", "type", "veth", "peer", "name", "eth0", "netns", holder)
        self._run("ip", "link", "set", f"glv{node}", "master", BRIDGE, "up")
        self._at(node, "ip", "link", "set", "lo", "up")
        self._at(node, "ip", "addr", "add", f"{NET}.{node}/24", "dev", "eth0")
        self._at(node, "ip", "link", "set", "eth0", "up")

    def _at(self, node: int, *command: str, check: bool = True) -> tuple[int, str]:
        holder = (self.directory / f"n{node}" / "pid").read_text().strip()
        return self._run("nsenter", "-t", holder, "-n", "-m", "--", *command, check=check)

    def _run(self, *command: str, check: bool = True) -> tuple[int, str]:
        # Daemons keep their standard output: a file, since a pipe would be waited for.
        output = self.directory / "output"
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("w+") as out:
            done = subprocess.run(
                [*self.prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=DEADLINE,
                check=False,
            )
            out.seek(0)
            told = out.read()
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{told}")
        return done.returncode, told

    def _until(self, holds: Callable[[], bool], seconds: float = DEADLINE) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"GlusterFS: not within {seconds:g} s: {holds}")
            time.sleep(0.1)
