"""Recovery with TensorFlow: a member is lost, and the run ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.files import BLOCKS, write
from runner.stubs import started, wait_until

#: The job of two workers, a checkpoint each 20 steps.
TWO = BLOCKS.replace("max_steps: 20", "max_steps: 100\n    checkpoint_step: 20\n    train_log_step: 10") + (
    "  engine: {name: multi_worker, workers: 2}\n"
)


def run(directory: Path, *options: str) -> tuple[dict, str]:
    """The result of a run and what it printed last."""
    command = [sys.executable, "-m", "akid", "run", write(directory, TWO), "--log-dir", str(directory / "run")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((directory / "run/result.json").read_text()), done.stdout.splitlines()[-2]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict:
    """The result of the job when nothing happens."""
    return run(tmp_path_factory.mktemp("undisturbed"))[0]


@pytest.mark.parametrize("fault", ["kill:worker-1@step=50", "kill:worker-0@step=50", "term:worker-1@step=50"])
def test_a_lost_member_changes_nothing_of_the_result(fault, undisturbed, tmp_path):
    result, summary = run(tmp_path, "--chaos", fault)
    assert result["step"] == 100
    assert result["val_loss"] == pytest.approx(undisturbed["val_loss"], rel=1e-4)
    assert ", restarts in place 1" in summary
    assert ("steps redone" in summary) == fault.startswith("kill")


def test_a_run_that_is_told_to_end_saves_at_one_step_and_a_second_one_goes_on(undisturbed, tmp_path):
    file = Path(write(tmp_path, TWO))
    with started(file) as process:
        wait_until(lambda: '"step": 10' in _text(tmp_path / "run/metrics.jsonl"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    stopped = json.loads((tmp_path / "run/result.json").read_text())
    assert stopped["reason"] == "terminated"
    assert 10 <= stopped["step"] <= 100
    assert run(tmp_path)[0]["val_loss"] == pytest.approx(undisturbed["val_loss"], rel=1e-4)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
