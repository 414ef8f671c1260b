"""A job of three workers that meets faults, and what must be true of it whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cli.files import BLOCKS
from json_lines import json_lines
from runner.stubs import command, environment_of, wait_until

from akid.runs.checkpoint_files import committed

STEPS, LOG, CHECKPOINT = 600, 10, 20
WORKERS = 3
#: Largest difference between parameters that were learnt with and without faults: that of rounding.
TOLERANCE = 1e-4
JOB = (
    BLOCKS.replace(
        "max_steps: 20", f"max_steps: {STEPS}\n    train_log_step: {LOG}\n    checkpoint_step: {CHECKPOINT}"
    )
    + f"  engine: {{name: multi_worker, workers: {WORKERS}}}\n  runPolicy: {{maxRestarts: 20}}\n"
)
#: Seconds that a trial may take, on a machine that is busy.
LONGEST = 300


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Args:
        code: exit code of `akid run`.
        summary: the line that tells what came of it.
        errors: what it said on standard error.
    """

    code: int
    summary: str
    errors: str

    def count(self, what: str) -> int:
        """The number of `restarts`, `restarts in place` or `steps redone`."""
        found = re.search(rf", {what} (\d+)", self.summary)
        return int(found[1]) if found else 0


class Trial:
    """One job in a directory of its own.

    Args:
        directory: where its manifest is written, and its run directory is made.
    """

    def __init__(self, directory: Path) -> None:
        self.file, self.run_dir = directory / "job.yaml", directory / "run"
        self.file.write_text(JOB)

    @contextmanager
    def started(self, faults: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
        """`akid run` with faults on purpose, in the background; it is gone after the context."""
        options = [option for fault in faults for option in ("--chaos", fault)]
        with subprocess.Popen(
            command(self.file, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, faults: Sequence[str] = (), beside: Callable[[int], object] = lambda pid: None) -> Ended:
        """`akid run` to its end.

        Args:
            faults: on purpose.
            beside: called with the pid of `akid run` while it runs.
        """
        with self.started(faults) as process:
            beside(process.pid)
            output, errors = process.communicate(timeout=LONGEST)
        lines = output.splitlines()
        return Ended(process.returncode, lines[-2] if len(lines) > 1 else "", errors)

    def parameters(self) -> dict[str, np.ndarray]:
        """What the last checkpoint holds."""
        from akid.backend import tf

        reader = tf.train.load_checkpoint(str(committed(self.run_dir / "checkpoints")[-1] / "variables"))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}

    def check(self, ended: Ended, undisturbed: Mapping[str, np.ndarray]) -> None:
        """It made every step once as far as anybody can see, learnt the same, and left nothing running."""
        assert ended.code == 0, ended.errors
        result = json.loads((self.run_dir / "result.json").read_text())
        assert (result["step"], result["reason"]) == (STEPS, "max_steps")
        assert self.logged() == list(range(LOG, STEPS + 1, LOG))
        learnt = self.parameters()
        assert set(learnt) == set(undisturbed)
        for name, value in undisturbed.items():
            np.testing.assert_allclose(learnt[name], value, rtol=0, atol=TOLERANCE, err_msg=name)
        assert processes_of(self.run_dir) == {}

    def logged(self) -> list[int]:
        """The steps of the training losses that were logged, in the order of the lines."""
        file = self.run_dir / "metrics.jsonl"
        lines = json_lines(file.read_text()) if file.exists() else []
        return [line["step"] for line in lines if line["kind"] == "train"]

    def reached(self, step: int) -> None:
        """Wait for a step."""
        wait_until(lambda: max(self.logged(), default=0) >= step, LONGEST)

    def pid_of(self, member: str, what: str) -> int:
        """The pid of a member's process: `supervisor` or `training`."""
        index = member.rpartition("-")[2]
        found = wait_until(lambda: [p for p, e in self._of(what).items() if e.get("AKID_INDEX") == index], LONGEST)
        return found[0]

    def _of(self, what: str) -> dict[int, dict[str, str]]:
        found = processes_of(self.run_dir)
        if what == "supervisor":
            return {pid: e for pid, e in found.items() if _parent(pid) not in found}
        return {pid: e for pid, e in found.items() if _parent(_parent(pid)) in found}  # the zygote is between


def processes_of(run_dir: Path) -> dict[int, dict[str, str]]:
    """The members' processes of a run that are alive, with their environments."""
    found: dict[int, dict[str, str]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                environment = environment_of(int(path.name))
            except OSError:
                continue
            if environment.get("AKID_LOG_DIR") == str(run_dir):
                found[int(path.name)] = environment
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal, unless it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
