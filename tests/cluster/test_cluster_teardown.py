"""Nothing of a cluster outlives it: no process, no port, no file; however its test run ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import commands
from cluster.control import Cluster
from cluster.processes import Identity, Keeper, Process
from cluster.waiting import wait_for

pytestmark = pytest.mark.cluster


def gone(identities: list[Identity]) -> bool:
    return not any(identity.alive() for identity in identities)


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_cluster_leaves_nothing() -> None:
    with Cluster(node_count=1) as cluster:
        identities = [
            cluster.keeper.identity,
            *(process.identity for process in cluster.processes.values()),
        ]
        assert len(identities) == 6
        assert all(identity.alive() for identity in identities)
        layout = cluster.layout
    assert gone(identities)
    assert free(layout.api_port)
    assert free(layout.etcd_port)
    assert not layout.directory.exists()


def test_a_start_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A component that ends at once is reported with the end of its log."""
    started: list[Identity] = []
    directories: list[Path] = []
    start = Process.start

    def spy(process: Process) -> Identity:
        directories.append(process.log.parent.parent)
        started.append(start(process))
        return started[-1]

    def wrong(at: commands.Layout, eviction_seconds: int) -> list[str]:
        return [at.program("kube-apiserver"), "--no-such-flag"]

    monkeypatch.setattr(Process, "start", spy)
    monkeypatch.setattr(commands, "apiserver", wrong)
    with pytest.raises(RuntimeError, match=r"kube-apiserver has ended:\n.*no-such-flag"), Cluster():
        pass
    assert len(started) == 2
    assert gone(started)
    assert not directories[0].exists()


STARTER = """
import sys, time
from pathlib import Path
from cluster.processes import Keeper, Process
keeper = Keeper(Path(sys.argv[1]))
processes = [Process(keeper, name, ["sleep", "600"]) for name in "ab"]
print(keeper.identity.pid, *(process.identity.pid for process in processes), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["starter", "keeper"])
def test_killed_with_9(tmp_path: Path, victim: str) -> None:
    directory = tmp_path / "cluster"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    argv = [sys.executable, "-c", STARTER, str(directory)]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        identities = [Identity.of(int(pid)) for pid in starter.stdout.readline().split()]
        living = [identity for identity in identities if identity is not None]
        assert len(living) == 3
        os.kill(starter.pid if victim == "starter" else living[0].pid, signal.SIGKILL)
        wait_for(lambda: gone(living), f"the processes end with their {victim}", timeout=10)
        starter.kill()
    assert directory.exists() == (victim == "keeper")


def test_stopped_processes_end_too(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "cluster")
    process = Process(keeper, "frozen", ["sleep", "600"])
    process.send(signal.SIGSTOP)
    keeper.close()
    assert gone([process.identity, keeper.identity])


def test_a_process_can_be_started_again(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "cluster")
    process = Process(keeper, "sleeper", ["sleep", "600"])
    first = process.identity
    with pytest.raises(RuntimeError, match="running already"):
        process.start()
    process.stop()
    assert process.exit_code() == -signal.SIGTERM
    assert process.start() != first
    keeper.close()
    assert gone([first, process.identity])
