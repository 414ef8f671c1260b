"""A training process that was replaced, and does not know it, writes nothing any more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.files import BLOCKS, write
from runner.stubs import wait_until

from akid.backend import tf
from akid.errors import StorageError, SupersededError
from akid.generations import Fence, newest
from akid.runs.checkpoints import Checkpoints
from akid.runs.event_records import forget_events_after
from akid.runs.run_dir import RunDir


def of_generation(path: Path, number: int, monkeypatch) -> RunDir:
    """The run directory as a process of this generation sees it."""
    monkeypatch.setenv("AKID_GENERATION", str(number))
    return RunDir(path)


def save(directory: RunDir, value: float, is_best: bool) -> None:
    """Write a checkpoint of step 1."""
    places, variables = (directory.checkpoints, directory.best), {"v": tf.Variable(value)}
    guard = {"generation": directory.generation, "check": directory.check_newest}
    checkpoints = Checkpoints(*places, variables, **guard)
    checkpoints.save(1, {}, is_best)
    checkpoints.sync()


def files(path: Path) -> dict[str, bytes]:
    """All there is in a directory."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_only_the_newest_generation_holds_and_each_is_taken_once(tmp_path, monkeypatch):
    two, three = Fence(tmp_path, 2), Fence(tmp_path, 3)
    assert two.take()
    assert two.take()  # the same process
    assert three.take()
    assert (two.holds(), two.take(), three.holds(), newest(tmp_path)) == (False, False, True, 3)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert not Fence(tmp_path, 3).take()  # another process of one generation
    assert Fence(tmp_path, 0).take()


WRITE = {
    "checkpoint": lambda directory: save(directory, 1.0, is_best=False),
    "best": lambda directory: save(directory, 1.0, is_best=True),
    "metrics": lambda directory: directory.append_metrics({"step": 99}),
    "events": lambda directory: directory.appended(directory.events / "1.tfevents").add(b"event"),
    "result": lambda directory: directory.write_result({"step": 99}),
}


@pytest.mark.parametrize("what", WRITE)
@pytest.mark.parametrize("stopped", ["before it looks", "after it looked"])
def test_a_process_that_is_replaced_in_the_middle_of_writing_changes_nothing(what, stopped, tmp_path, monkeypatch):
    old, new = of_generation(tmp_path, 1, monkeypatch), of_generation(tmp_path, 2, monkeypatch)
    left: dict[str, bytes] = {}
    looks = iter(range(10))

    def check() -> None:
        if what in ("checkpoint", "best") and next(looks) == 0:
            return  # the first time, before anything is written
        with new.alone():
            new.append_metrics({"step": 1})
            new.forget_after(1)
            forget_events_after(new.events, 1, new.check_newest)
            new.write_result({"step": 1})
            save(new, 2.0, is_best=True)
        left.update(files(tmp_path))
        if stopped == "before it looks":
            RunDir.check_newest(old)

    with old.alone():
        old.append_metrics({"step": 1})
        monkeypatch.setattr(old, "check_newest", check)
        if what in ("metrics", "events") and stopped == "after it looked":
            WRITE[what](old)  # into a file that has no name any more
        else:
            with pytest.raises((SupersededError, StorageError)):
                WRITE[what](old)
    assert left
    assert files(tmp_path) == left


def test_a_lock_that_a_replaced_process_still_holds_is_no_obstacle(tmp_path, monkeypatch):
    old, new = of_generation(tmp_path, 1, monkeypatch), of_generation(tmp_path, 2, monkeypatch)
    unsupervised = of_generation(tmp_path, 0, monkeypatch)
    with old.alone():
        with pytest.raises(StorageError, match="Another process practises"), unsupervised.alone():
            pass
        with new.alone():
            pass
    with unsupervised.alone(), pytest.raises(StorageError, match="Another process practises"), new.alone():
        pass


def test_a_training_process_that_was_stopped_replaced_and_continued_ends(tmp_path):
    text = BLOCKS.replace("max_steps: 20", "max_steps: MAX\n    checkpoint_step: 20\n    summary_step: 20")
    (tmp_path / "new").mkdir()
    command = [sys.executable, "-m", "akid.trainer.training"]

    def environment(directory: Path, generation: int, steps: int) -> dict[str, str]:
        kid = write(directory, text.replace("MAX", str(steps)))
        own = {"AKID_KID": kid, "AKID_LOG_DIR": str(tmp_path / "run"), "AKID_GENERATION": str(generation)}
        return {**os.environ, **own}

    long = environment(tmp_path, 1, 10_000_000)
    with subprocess.Popen(command, env=long, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as old:
        try:
            wait_until(lambda: list(tmp_path.glob("run/checkpoints/step-*/checkpoint.json")))
            old.send_signal(signal.SIGSTOP)
            reached = max(int(path.name[5:]) for path in tmp_path.glob("run/checkpoints/step-*"))
            short = environment(tmp_path / "new", 2, reached + 40)
            subprocess.run(command, env=short, timeout=120, check=True, capture_output=True)
            left = files(tmp_path / "run")
            old.send_signal(signal.SIGCONT)
            error = old.communicate(timeout=60)[1]
        finally:
            old.kill()
    assert old.returncode == 1
    assert "Another process of generation 2 of the job trains in" in error
    assert files(tmp_path / "run") == left
    assert json.loads(left["result.json"])["step"] == reached + 40
