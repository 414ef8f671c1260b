"""Namespaces of one's own: what is mounted, started or connected in them is gone when they are."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

UNSHARE = ("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")
TIMEOUT = 60.0
# The first process: it ignores its orphans' ends, so the kernel buries them. glusterd takes a dead brick that
# nobody has buried for one that runs.
FIRST = """
import signal, subprocess, sys
place = sys.argv[1]
for command in (f"mount --bind {place} {place}", f"mount --make-rshared {place}", "ip link set lo up"):
    subprocess.run(command.split(), check=True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
"""


class Sandbox:
    """Network, process and mount namespaces, kept by a process in them.

    Args:
        directory: of the host; mounts below it are shared in the sandbox, as the kubelet's are on a node.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._keeper = subprocess.Popen(
            [*UNSHARE, sys.executable, "-c", FIRST, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # unshare complains of its child's end
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"ready\n":
            raise RuntimeError("the sandbox does not start: are we root?")
        # unshare's child is the first process in there.
        children = Path(f"/proc/{self._keeper.pid}/task/{self._keeper.pid}/children").read_text().split()
        self.pid = int(children[0])

    @property
    def prefix(self) -> list[str]:
        """What goes before a command that is to run in there."""
        return ["nsenter", "-t", str(self.pid), "-n", "-p", "-m", "--"]

    def start(self, command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
        """Start a command in there; what it says is added to a file."""
        with output.open("ab") as out:
            return subprocess.Popen(
                [*self.prefix, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in there; what it says."""
        done = subprocess.run(
            [*self.prefix, *command], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def inside(self, path: Path | str) -> Path:
        """A path of the sandbox, by which it can be reached from outside."""
        return Path(f"/proc/{self.pid}/root{path}")

    def close(self) -> None:
        """End all that runs in there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._keeper.communicate(timeout=TIMEOUT)


@contextlib.contextmanager
def sandbox(directory: Path) -> Generator[Sandbox]:
    """One, for as long as it is needed."""
    box = Sandbox(directory)
    try:
        yield box
    finally:
        box.close()
