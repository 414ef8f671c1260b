"""Recovery with TensorFlow: a member is lost, and the run ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.files import BLOCKS, write
from runner.stubs import started, supervisor_of, wait_until
from trainer.members import told

#: The job of two workers, a checkpoint each 20 steps.
TWO = BLOCKS.replace("max_steps: 20", "max_steps: 100\n    checkpoint_step: 20\n    train_log_step: 10") + (
    "  engine: {name: multi_worker, workers: 2}\n"
)


#: The same without a checkpoint before the end: what is lost is not on disk.
MEMORY = TWO.replace("checkpoint_step: 20", "checkpoint_step: 1000")


def run(directory: Path, *options: str, text: str = TWO) -> tuple[dict, str]:
    """The result of a run and what it printed last."""
    command = [sys.executable, "-m", "akid", "run", write(directory, text), "--log-dir", str(directory / "run")]
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


@pytest.fixture
def snapshots(monkeypatch) -> None:
    """The state is kept in memory before each call of the graph, not each second."""
    monkeypatch.setenv("AKID_SNAPSHOT_SECONDS", "0")


def redone(summary: str) -> int:
    """The steps made again."""
    return int(summary.partition("steps redone ")[2] or 0)


@pytest.mark.parametrize("member", ["worker-0", "worker-1"])
def test_what_no_checkpoint_has_is_taken_from_memory(member, undisturbed, snapshots, tmp_path):
    result, summary = run(tmp_path, "--chaos", f"kill:{member}@step=50", text=MEMORY)
    assert result["val_loss"] == pytest.approx(undisturbed["val_loss"], rel=1e-4)
    assert ", restarts in place 1" in summary
    assert redone(summary) <= 30
    assert states_taken(tmp_path)


def test_a_chief_that_is_lost_with_its_memory_takes_another_member_s(undisturbed, snapshots, tmp_path):
    file = Path(write(tmp_path, MEMORY))
    with started(file) as process:
        wait_until(lambda: '"step": 50' in _text(tmp_path / "run/metrics.jsonl"))
        os.kill(supervisor_of(process.pid, "0"), signal.SIGKILL)
        assert process.wait(timeout=120) == 0, _text(tmp_path / "run/logs/worker-0-1.log")
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["step"] == 100
    assert result["val_loss"] == pytest.approx(undisturbed["val_loss"], rel=1e-4)
    taken = states_taken(tmp_path)
    assert [line["holder"] for line in taken] == ["worker-1"]
    assert taken[0]["step"] >= 30


def states_taken(directory: Path) -> list[dict]:
    """What the chief's last supervisor said of states it took."""
    lines = told(directory / "job", "worker-0")
    return [line for line in lines if line.get("message") == "newest state in memory"]


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
