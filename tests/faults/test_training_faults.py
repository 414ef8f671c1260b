"""Three workers and every kind of fault: the job ends as if nothing had happened. Real processes, TensorFlow."""

from __future__ import annotations

import signal

import pytest
from faults.trials import CHECKPOINT, LONGEST, STEPS, Trial, kill, processes_of
from runner.stubs import wait_until

from akid.runs.checkpoint_files import committed, step_of

#: Faults on purpose, how many restarts they cost that count, and how many that do not, as the chief sees it.
FAULTS = {
    "before the first step, in the middle, a stopped one": (
        ["kill:worker-0@step=0", "kill:worker-1@step=100", "stop:worker-2@step=200"], 0, {3},
    ),
    "a code of its own, and a chief that is told to end": (
        ["exit=42:worker-1@step=100", "term:worker-0@step=250"], 1, {1},
    ),
    "two at once, twice in a row": (
        ["kill:worker-1@step=100", "kill:worker-0@step=100", "kill:worker-1@step=101"], 0, {2, 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_change_nothing_of_what_is_learnt(name, undisturbed, tmp_path):
    faults, restarts, in_place = FAULTS[name]
    trial = Trial(tmp_path)
    ended = trial.run(faults)
    trial.check(ended, undisturbed)
    assert ended.count("restarts") == restarts
    assert ended.count("restarts in place") in in_place


def test_a_chief_that_is_killed_in_a_checkpoint_and_a_supervisor(undisturbed, tmp_path):
    trial = Trial(tmp_path)

    def beside(pid: int) -> None:
        trial.reached(CHECKPOINT)
        chief = trial.pid_of("worker-0", "training")
        wait_until(lambda: list(trial.run_dir.glob("checkpoints/partial-*")), LONGEST)
        kill(chief)
        wait_until(lambda: trial.pid_of("worker-0", "training") != chief, LONGEST)
        kill(trial.pid_of("worker-1", "supervisor"))

    ended = trial.run(beside=beside)
    trial.check(ended, undisturbed)
    assert (ended.count("restarts"), ended.count("restarts in place")) == (1, 2)


def test_a_runner_that_is_killed_leaves_nothing_and_a_damaged_checkpoint_is_passed_over(undisturbed, tmp_path):
    trial = Trial(tmp_path)
    with trial.started() as process:
        trial.reached(100)
        kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not processes_of(trial.run_dir))
    *_, before, newest = committed(trial.run_dir / "checkpoints")
    (newest / "variables.index").write_bytes(b"junk")
    ended = trial.run()
    trial.check(ended, undisturbed)
    log = (trial.run_dir / "logs/worker-0-1.log").read_text()
    assert f"going on from {before}" in log
    assert step_of(newest) < STEPS
