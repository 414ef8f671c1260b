"""Jobs whose members are small programs, and `akid run` of them as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.waiting import wait_for

DEADLINE = 30.0


def job(
    directory: Path, program: str, workers: int = 3, engine: dict[str, Any] | None = None, **policy: Any
) -> Path:
    """A job whose members run a Python program, which knows `index`, `start` (0 the first time), `report`."""
    head = """
import os, signal, sys, time
from pathlib import Path
from akid.report import Reporter
index, report = int(os.environ["AKID_INDEX"]), Reporter.from_environment()
log_dir = Path(os.environ["AKID_LOG_DIR"])
start = len(list(log_dir.glob(f"logs/worker-{index}-*.log"))) - 1
"""
    container = {"name": "trainer", "command": [sys.executable, "-c", head + program]}
    manifest = {
        "apiVersion": "akid.dev/v1alpha1",
        "kind": "AkidJob",
        "metadata": {"name": "digits"},
        "spec": {
            "kid": {"module": "nothing:setup"},
            "engine": engine or {"name": "multi_worker", "workers": workers},
            "runPolicy": policy,
            "template": {"spec": {"containers": [container]}},
        },
    }
    file = directory / "job.yaml"
    file.write_text(json.dumps(manifest))
    return file


def command(file: Path, *options: str) -> list[str]:
    """`akid run` of a job in the run directory beside it."""
    return [sys.executable, "-m", "akid", "run", str(file), "--log-dir", str(file.parent / "run"), *options]


def run(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`akid run` to its end."""
    return subprocess.run(command(file, *options), capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def started(file: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`akid run` in the background; it is gone after the context."""
    with subprocess.Popen(
        command(file, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], Any], seconds: float = DEADLINE) -> Any:
    """What a condition gives once it holds."""
    return wait_for(condition, "the condition", seconds, every=0.01)


def logs(file: Path) -> dict[str, str]:
    """The logs of a run by name."""
    return {path.stem: path.read_text() for path in sorted((file.parent / "run/logs").glob("*.log"))}


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids(file: Path, number: int) -> list[int]:
    """What this many members printed as their pids; waits for all of them."""
    return wait_until(lambda: found if len(found := _pids(file)) == number else None)


def _pids(file: Path) -> list[int]:
    return [int(word[4:]) for text in logs(file).values() for word in text.split() if word.startswith("pid=")]


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)


def environment_of(pid: int) -> dict[str, str]:
    """The environment of a process."""
    items = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(item.split("=", 1) for item in items if "=" in item)


def supervisor_of(runner: int, index: str) -> int:
    """The pid of a member's supervisor, by the pid of `akid run`."""
    children = map(int, Path(f"/proc/{runner}/task/{runner}/children").read_text().split())
    return next(pid for pid in children if environment_of(pid).get("AKID_INDEX") == index)
