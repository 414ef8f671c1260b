"""However a sandbox ends, nothing of it is left: no process, mount, interface, cgroup or file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cluster.processes import Identity
from cluster.waiting import wait_for
from e2e import prepare, sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.smoke, pytest.mark.sandbox]
TESTS = Path(__file__).parents[1]
# In the sandbox: a node with a pod, then word is given.
CLUSTER = """
import json, time
from pathlib import Path
from cluster.waiting import wait_for
from e2e.configs import PAUSE
from e2e.prepare import Prepared
from e2e.real import RealCluster
import os
with RealCluster([Path(Prepared.from_environment(os.environ).archives[0])]) as cluster:
    cluster.kubectl("run", "waits", f"--image={PAUSE}")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/waits", "--timeout=60s")
    print("ready", flush=True)
    time.sleep(600)
"""


# Starts another program, and holds the pipe to it.
STARTER = """
import subprocess, sys, time
subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
time.sleep(600)
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / f"{sandbox.PREFIX}inner"


def started(state: Path, *command: str, by: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """A sandbox whose command has said that it is ready; perhaps started by another program."""
    program = [*by, sys.executable, "-I", str(TESTS / "e2e/sandbox.py"), str(state)]
    environment = os.environ | {"PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"}
    keeper = subprocess.Popen(
        [*program, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=prepare.ROOT
    )
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    return keeper


def inhabitants(keeper: subprocess.Popen[bytes]) -> list[Identity]:
    """The process, and every one below it."""
    found, queue = [], [keeper.pid]
    while queue:
        pid = queue.pop()
        identity = Identity.of(pid)
        if identity is not None:
            found.append(identity)
            with contextlib.suppress(OSError):
                queue += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return found


def interfaces() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


@contextlib.contextmanager
def leaves_nothing(state: Path) -> Iterator[list[Identity]]:
    """The block fills the list with processes that must be gone after it; so must be all else."""
    before = interfaces()
    living: list[Identity] = []
    yield living
    wait_for(lambda: not any(each.alive() for each in living), "every process is gone", 20)
    wait_for(lambda: not state.exists(), "the files are gone", 20)
    assert sandbox.cgroups(state.name) == []
    assert str(state) not in Path("/proc/self/mountinfo").read_text()
    assert interfaces() == before
    assert list(state.parent.iterdir()) == []


def test_the_exit_code_is_the_commands(state: Path) -> None:
    command = "echo ready; touch /var/lib/left /etc/left; sleep 600 & exit 7"
    with leaves_nothing(state) as living, started(state, "sh", "-c", command) as keeper:
        living += inhabitants(keeper)
        assert keeper.wait(20) == 7
    assert not Path("/var/lib/left").exists()


@pytest.mark.parametrize("how", ["the pipe is closed", "told to end", "its starter is killed"])
def test_a_cluster_with_a_pod_leaves_nothing(state: Path, how: str) -> None:
    by = [sys.executable, "-c", STARTER] if how == "its starter is killed" else []
    with leaves_nothing(state) as living, started(state, sys.executable, "-c", CLUSTER, by=by) as process:
        living += inhabitants(process)
        assert len(living) > 12
        assert len(sandbox.cgroups(state.name)) > 0
        assert process.stdin is not None
        if how == "the pipe is closed":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM if how == "told to end" else signal.SIGKILL)
        process.wait(30)


def test_what_a_killed_keeper_leaves_is_removed_by_the_next(state: Path) -> None:
    command = f"mkdir {sandbox.CGROUPS}/pids/{state.name}; echo ready; sleep 600"
    with leaves_nothing(state) as living, started(state, "sh", "-c", command) as keeper:
        living += inhabitants(keeper)
        os.kill(keeper.pid, signal.SIGKILL)
        keeper.wait(20)
        wait_for(lambda: not any(each.alive() for each in living), "the kernel ends the sandbox", 20)
        assert state.exists()
        sandbox.clear_stale(state.parent)
