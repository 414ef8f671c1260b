"""Runs that are killed and resumed, as real processes, end as one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resumable import STEPS
from small_kids import metrics, result

from akid.backend import tf
from akid.runs.checkpoint_files import committed


class Runner:
    """Talks to resumable.py."""

    def __init__(self) -> None:
        program = [sys.executable, str(Path(__file__).with_name("resumable.py"))]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, log_dir: Path, **options: Any) -> int:
        """Begin a run; its pid."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"log_dir": str(log_dir), **options}) + "\n")
        self._process.stdin.flush()
        return self.read("pid")["pid"]

    def read(self, key: str) -> dict[str, Any]:
        """The next line with this key, or the last one of the run."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = json.loads(line)
            if key in found or "status" in found:
                return found
        raise AssertionError("resumable.py has ended")

    def run(self, log_dir: Path, **options: Any) -> int:
        """A whole run; its exit code."""
        self.start(log_dir, **options)
        return self.read("status")["status"]

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        assert self._process.wait() == 0
        self._process.stdout.close()


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def straight(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happened to."""
    log_dir = tmp_path_factory.mktemp("straight")
    assert runner.run(log_dir) == 0
    return log_dir


def saved(directory: Path) -> dict[str, np.ndarray]:
    """Every variable of the newest checkpoint: parameters, statistics, slots, averages, the step."""
    reader = tf.train.load_checkpoint(str(committed(directory)[-1] / "variables"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same(log_dir: Path, straight: Path) -> None:
    for part in ("checkpoints", "best"):
        mine, expected = saved(log_dir / part), saved(straight / part)
        assert set(mine) == set(expected)
        for name, value in expected.items():
            np.testing.assert_array_equal(mine[name], value, err_msg=name)
    assert metrics(log_dir) == metrics(straight)
    assert result(log_dir) == result(straight)


def test_everything_is_saved(straight: Path) -> None:
    names = set(saved(straight / "checkpoints"))
    for name in ("brain/ip1/weights", "kongfu/ip1/weights/momentum", "moving_average/ip2/biases/average", "step"):
        assert name in names
    assert any(name.startswith("brain/bn1/") and "mean" in name for name in names)


def kill_at_random(runner: Runner, log_dir: Path, lines: int) -> None:
    """Kill a run after so many lines of its log."""
    pid = runner.start(log_dir, slow=True)
    for _ in range(lines):
        assert "status" not in runner.read("kind")
    os.kill(pid, signal.SIGKILL)
    assert runner.read("status")["status"] == -signal.SIGKILL


def kill_in_a_write(runner: Runner, log_dir: Path, lines: int) -> None:
    """Kill a run while it writes a checkpoint."""

    def partial(directory: Path) -> list[str]:
        names = os.listdir(directory) if directory.is_dir() else []
        return [name for name in names if name.startswith("partial")]

    pid = runner.start(log_dir, slow=True)
    for _ in range(lines):
        runner.read("kind")
    deadline = time.monotonic() + 60
    while not (seen := partial(log_dir / "checkpoints")) and time.monotonic() < deadline:
        pass
    os.kill(pid, signal.SIGKILL)
    assert runner.read("status")["status"] == -signal.SIGKILL
    assert seen


def test_a_run_killed_again_and_again_ends_as_one_that_never_was(
    runner: Runner, straight: Path, tmp_path: Path
) -> None:
    chance = random.Random(11)
    for kill in (kill_at_random, kill_in_a_write, kill_in_a_write, kill_at_random):
        kill(runner, tmp_path, chance.randint(1, 9))
    assert not (tmp_path / "result.json").exists()
    assert runner.run(tmp_path) == 0
    assert_same(tmp_path, straight)


@pytest.mark.serial  # seconds are counted
def test_a_run_told_to_end_saves_and_goes_on_exactly(runner: Runner, straight: Path, tmp_path: Path) -> None:
    for number, code, reason in ((signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")):
        pid = runner.start(tmp_path, slow=True)
        for _ in range(4):
            runner.read("kind")
        told = time.monotonic()
        os.kill(pid, number)
        assert runner.read("status")["status"] == code
        assert time.monotonic() - told < 5, "about a second on a machine that is not busy"
        ended = result(tmp_path)
        assert ended["reason"] == reason
        assert 0 < ended["step"] < STEPS
        assert committed(tmp_path / "checkpoints")[-1].name == f"step-{ended['step']:08d}"
    assert runner.run(tmp_path) == 0
    assert_same(tmp_path, straight)
