"""What a fault costs: until all train again, in goodput, and what being ready for it costs when nothing happens.

AKID_BENCH_SHORT=1 makes every row once, and briefly: to see that they run.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from cluster import waiting
from faults.trials import processes_of
from json_lines import json_lines

from tests.benchmarks.bench_training import race
from tests.benchmarks.rows import Row

SHORT = os.environ.get("AKID_BENCH_SHORT") == "1"
ROUNDS = 1 if SHORT else 5
#: Seconds of the run with a kill now and then, and between two kills.
GOODPUT, EVERY = (30, 15) if SHORT else (180, 15)
#: Steps of a run whose speed is measured.
SPEED_STEPS = 200 if SHORT else 2000
#: Seconds after which a row gives up.
DEADLINE = 120.0
KID: dict[str, Any] = {
    "sensor": {"source": {"type": "DigitsSource", "num_val": 300}, "batch_size": 64},
    "brain": {"type": "LeNet"},
    "kongfu": {"type": "MomentumKongFu", "lr_scheme": 0.01},
    "train_log_step": 50,
    "val_log_step": 1_000_000,
    "checkpoint_step": 500,
    "do_summary": False,
}


class Job:
    """A job of LeNet on digits.

    Args:
        directory: of its manifest and its run.
        steps: of the run.
        engine: of the manifest.
    """

    def __init__(self, directory: Path, steps: int, engine: dict[str, Any]) -> None:
        self.file, self.run_dir = directory / "job.yaml", directory / "run"
        spec = {"kid": {**KID, "max_steps": steps}, "engine": engine, "runPolicy": {"maxRestarts": 1000}}
        head = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "metadata": {"name": "bench"}}
        self.file.write_text(yaml.safe_dump({**head, "spec": spec}))

    @contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """`akid run` of it."""
        command = [sys.executable, "-m", "akid", "run", str(self.file), "--log-dir", str(self.run_dir), *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()

    def members(self) -> dict[str, int]:
        """The pids of the members' supervisors by their index."""
        found = processes_of(self.run_dir)
        return {e["AKID_INDEX"]: pid for pid, e in found.items() if _parent(pid) not in found}

    def statuses(self) -> list[dict[str, Any]]:
        """What every member tells of itself."""
        found = processes_of(self.run_dir)
        ports = {e["AKID_METRICS_PORT"] for e in found.values() if "AKID_METRICS_PORT" in e}
        return [_status(port) for port in sorted(ports)]

    def speed(self) -> float:
        """Median of the logged examples a second, once warm."""
        records = [r for r in json_lines((self.run_dir / "metrics.jsonl").read_text()) if r["kind"] == "train"]
        return statistics.median(record["examples_per_second"] for record in records[1:])


def _status(port: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=1) as response:
            return json.load(response)
    except (OSError, ValueError):
        return {}


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition: Callable[[], Any], every: float = 0.01) -> Any:
    """What a condition gives once it holds."""
    return waiting.wait_for(condition, "what the benchmark waits for", DEADLINE, every)


def all_train(job: Job, after: int, count: int = 2) -> int:
    """The generation in which every member has made a step, if it is a later one; else 0."""
    found = job.statuses()
    # A time of arrival is told once a step was made in this generation.
    trains = [status for status in found if status.get("generation", 0) > after and "eta" in status]
    return trains[0]["generation"] if len(trains) >= count else 0


def recoveries() -> Iterator[Row]:
    """Seconds from a fault to the first step of all."""
    victims: dict[str, tuple[Callable[[Job], int], int, float]] = {
        "kill -9 of a training process until all train": (lambda job: _training(job, "1"), signal.SIGKILL, 0.8),
        "kill -9 of the chief's training process": (lambda job: _training(job, "0"), signal.SIGKILL, 0.8),
        "a whole member is killed and replaced": (lambda job: job.members()["1"], signal.SIGKILL, 4.0),
        "a training process is stopped (SIGSTOP)": (lambda job: _training(job, "1"), signal.SIGSTOP, 3.0),
        "the chief's training process is stopped": (lambda job: _training(job, "0"), signal.SIGSTOP, 4.0),
    }
    with tempfile.TemporaryDirectory() as directory:
        job = Job(Path(directory), 100_000_000, {"name": "multi_worker", "workers": 2})
        with job.running():
            generation = wait_for(lambda: all_train(job, 0))
            for name, (victim, number, target) in victims.items():
                seconds = []
                for _ in range(ROUNDS):
                    time.sleep(2)  # a fault in the middle of a training, not in a recovery
                    os.kill(victim(job), number)
                    begun = time.monotonic()
                    generation = wait_for(lambda before=generation: all_train(job, before))
                    seconds.append(time.monotonic() - begun)
                yield Row(name, seconds, target, at_least=False, unit="s")
            zygotes = [_children(pid)[0] for pid in job.members().values()]
            yield Row("a zygote's own share of memory (PSS)", [_pss(pid) for pid in zygotes], None, unit="MiB")


def _training(job: Job, index: str) -> int:
    """The pid of a member's training process, a child of the zygote, which is the supervisor's."""
    return wait_for(lambda: [p for z in _children(job.members()[index]) for p in _children(z)])[0]


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


def goodput() -> Iterator[Row]:
    """A worker's training process is killed again and again."""
    with tempfile.TemporaryDirectory() as directory:
        job = Job(Path(directory), 100_000_000, {"name": "multi_worker", "workers": 2})
        with job.running("--chaos", f"kill:worker-1@every={EVERY}s"):
            wait_for(lambda: all_train(job, 0))
            time.sleep(GOODPUT)
            status = next(status for status in job.statuses() if status.get("member") == "worker-0")
    redone = 100 * status["stepsRedone"] / max(1, status["step"])
    yield Row(f"goodput, a kill every {EVERY} s for {GOODPUT} s", [status["goodput"]], 0.90, unit="")
    yield Row("steps redone of all", [redone], 5, at_least=False, unit="%")


def overhead() -> Row:
    """What the supervisor, its reports and the states in memory cost a step."""
    shares = []
    for _ in range(ROUNDS):
        plain, supervised = (_speed_of(program) for program in ("akid.trainer.training", "akid"))
        shares.append(100 * (plain / supervised - 1))
    return Row("a supervisor's cost, LeNet b64", shares, 1.0, at_least=False, unit="%")


def _speed_of(module: str) -> float:
    with tempfile.TemporaryDirectory() as directory:
        job = Job(Path(directory), SPEED_STEPS, {"name": "single"})
        own = {"AKID_KID": str(job.file), "AKID_LOG_DIR": str(job.run_dir), "AKID_MEMBERS": "1"}
        command = [sys.executable, "-m", module, *(["train"] if module == "akid" else [])]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, env={**os.environ, **own}, check=True, timeout=600, **quiet)
        return job.speed()


def served() -> Row:
    """Two workers of a parameter server beside one process."""
    shares = []
    for _ in range(1 if SHORT else 3):
        with tempfile.TemporaryDirectory() as directory:
            job = Job(Path(directory), SPEED_STEPS, {"name": "parameter_server", "workers": 2})
            with job.running() as process:
                process.wait(timeout=600)
            shares.append(job.speed() / _speed_of("akid.trainer.training"))
    return Row("parameter_server, two workers, over single, LeNet b64", shares, None)


def run() -> Iterator[Row]:
    """The rows of the table."""
    yield from recoveries()
    yield from goodput()
    yield overhead()
    rounds = race("lenet", ["akid", "data_parallel"], 1 if SHORT else 7)
    pairs = zip(rounds["akid"], rounds["data_parallel"], strict=True)
    yield Row(
        "data_parallel on two logical devices over single, LeNet", [a["wall"] / b["wall"] for a, b in pairs], None
    )
    yield served()
