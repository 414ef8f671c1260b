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
from akid.checkpoints import committed


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


def test_a_run_killed_at_random_moments_ends_as_one_that_never_was(
    runner: Runner, straight: Path, tmp_path: Path
) -> None:
    chance = random.Random(11)
    statuses: list[int] = []
    for _ in range(3):
        pid = runner.start(tmp_path, slow=True)
        for _ in range(chance.randint(1, 12)):
            assert "status" not in runner.read("kind")
        os.kill(pid, signal.SIGKILL)
        statuses.append(runner.read("status")["status"])
    assert statuses == [-signal.SIGKILL] * 3
    assert not (tmp_path / "result.json").exists()
    assert runner.run(tmp_path) == 0
    assert_same(tmp_path, straight)


def test_a_run_killed_while_it_writes_a_checkpoint_ends_as_one_that_never_was(
    runner: Runner, straight: Path, tmp_path: Path
) -> None:
    for number in range(3):
        pid = runner.start(tmp_path, slow=True)
        for _ in range(5 * number):
            runner.read("kind")
        seen = ""
        deadline = time.monotonic() + 60
        while not seen and time.monotonic() < deadline:
            seen = next((f for d in ("best", "checkpoints") for f in partial(tmp_path / d)), "")
        os.kill(pid, signal.SIGKILL)
        assert runner.read("status")["status"] == -signal.SIGKILL
        assert seen
    assert runner.run(tmp_path) == 0
    assert_same(tmp_path, straight)


def partial(directory: Path) -> list[str]:
    """Checkpoints that are being written."""
    return [name for name in os.listdir(directory) if name.startswith("partial")] if directory.is_dir() else []


@pytest.mark.parametrize(
    ("number", "code", "reason"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_run_told_to_end_saves_and_goes_on_exactly(
    runner: Runner, straight: Path, tmp_path: Path, number: int, code: int, reason: str
) -> None:
    pid = runner.start(tmp_path, slow=True)
    for _ in range(4):
        runner.read("kind")
    told = time.monotonic()
    os.kill(pid, number)
    assert runner.read("status")["status"] == code
    assert time.monotonic() - told < 5, "about a second on a machine that is not busy"
    assert result(tmp_path)["reason"] == reason
    assert 0 < result(tmp_path)["step"] < STEPS
    newest = committed(tmp_path / "checkpoints")[-1]
    assert int(newest.name.removeprefix("step-")) == result(tmp_path)["step"]
    assert runner.run(tmp_path) == 0
    assert_same(tmp_path, straight)
