"""Run a command in network, pid and mount namespaces of its own, and leave nothing of it behind.

`sandbox.py STATE COMMAND...` is a program of its own, which its starter talks to by a pipe: when its stdin ends
(the starter is done, was killed with -9, or Ctrl-C), it kills the first process of the pid namespace, and with it
the kernel ends every process, mount, interface and firewall rule in there. What the kernel leaves, cgroups and
files, is removed then. Should this program itself be killed, the kernel kills the sandbox (PR_SET_PDEATHSIG), and
the next one to start removes what is left. Standard library only; it needs root.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
CGROUPS = Path("/sys/fs/cgroup")
INSIDE = Path(__file__).with_name("inside.py")
#: What a state directory's name begins with; its cgroups are called the same.
PREFIX = "akid-e2e-"
_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> None:
    """In a child before exec: be killed when the parent is. Safe as preexec_fn: one thread here."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def cgroups(name: str) -> list[Path]:
    """The cgroups of a sandbox, one in each hierarchy."""
    return [path for path in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")) if path.is_dir()]


def hold(state: Path) -> IO[str]:
    """Make the state directory, and a lock beside it that says that it is in use, until we are gone."""
    state.mkdir(parents=True)
    lock = state.with_suffix(".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def clear(state: Path, patience: float = 10) -> None:
    """Remove the cgroups and the files of a sandbox without processes."""
    deadline = time.monotonic() + patience
    while found := cgroups(state.name):
        for top in found:
            for path, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):  # busy, until the kernel has let its last process go
                    os.rmdir(path)
        if time.monotonic() > deadline:
            raise TimeoutError(f"cgroups that cannot be removed: {', '.join(map(str, found))}")
        time.sleep(0.05)
    shutil.rmtree(state, ignore_errors=True)
    state.with_suffix(".lock").unlink(missing_ok=True)


def clear_stale(directory: Path) -> None:
    """Remove what sandboxes left whose keeper was killed."""
    for lock in directory.glob(f"{PREFIX}*.lock"):
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            clear(lock.with_suffix(""))


def start(state: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """The sandbox; its command begins with the mounts made and the loopback interface up."""
    me = os.getpid()
    namespaces = ["unshare", "--net", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child=SIGKILL"]
    return subprocess.Popen(
        [*namespaces, sys.executable, "-I", str(INSIDE), str(state), *command],
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: die_with(me),
    )


def first_process(sandbox: subprocess.Popen[bytes]) -> int | None:
    """The pid, outside, of the process that is 1 inside."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{sandbox.pid}/task/{sandbox.pid}/children").read_text().split()
        return int(children[0]) if children else None
    return None


def end(sandbox: subprocess.Popen[bytes]) -> None:
    """Kill it, and wait until everything in it is gone: the kernel lets 1 go last."""
    if sandbox.poll() is None:
        os.kill(first_process(sandbox) or sandbox.pid, signal.SIGKILL)  # our child's child: neither is reaped yet
    sandbox.wait()


def asked_to_end(starter: int) -> Iterator[bool]:
    """Twice a second, whether the starter has closed the pipe, or is gone."""
    while True:
        readable = select.select([sys.stdin], [], [], 0.5)[0]
        yield os.getppid() != starter or (bool(readable) and not os.read(sys.stdin.fileno(), 1))


def main() -> int:
    """Exit with the command's code; 128 + SIGKILL if it was ended by us."""
    starter, state, command = os.getppid(), Path(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    lock = hold(state)
    sandbox = start(state, command)
    try:
        for ended in asked_to_end(starter):
            if ended or sandbox.poll() is not None:
                break
    finally:
        end(sandbox)
        clear(state)
        lock.close()
    code = sandbox.returncode
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
