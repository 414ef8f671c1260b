"""A run goes on from the state in memory, if that is newer than the newest checkpoint and whole."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
from akid.layers import BatchNormalizationLayer, InnerProductLayer, SoftmaxWithLossLayer
from akid.snapshots import FDS, Header, Slots


@pytest.fixture
def slots(monkeypatch):
    """Those of a supervisor; snapshots are made when a test asks for one."""
    made = Slots.make()
    monkeypatch.setenv(FDS, made.environment[FDS])
    monkeypatch.setenv("AKID_SNAPSHOT_SECONDS", "3600")
    yield made
    for fd in made.fds:
        os.close(fd)


def kid_in(directory: Path, steps: int, **options) -> Kid:
    brain = Brain(name="brain").attach(
        InnerProductLayer(8, name="ip1"),
        BatchNormalizationLayer(name="bn1"),
        InnerProductLayer(10, name="ip2"),
        SoftmaxWithLossLayer(10, inputs=["ip2", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    sensor = Sensor(DigitsSource(num_val=300), batch_size=32)
    given = {"train_log_step": 10, "progress": False, "do_summary": False, "seed": 3, **options}
    return Kid(sensor, brain, MomentumKongFu(lr_scheme=0.05), max_steps=steps, log_dir=directory, **given)


def leave_states(directory: Path) -> None:
    """Practise without checkpoints; leaves the states of steps 20 and 30 in memory."""
    kid = kid_in(directory, 20, save_chk_point=False)
    for steps in (20, 30):
        kid.max_steps = steps
        kid.practice()
        kid._run.memory.sync()
        kid._run.keep()
        kid._run.memory.sync()
    assert [slot.header.step for slot in Slots.of_this_process().kept()] == [30, 20]


def leave_checkpoints(directory: Path, monkeypatch) -> None:
    """Practise without memory; leaves the checkpoints of steps 20 and 40."""
    with monkeypatch.context() as context:
        context.delenv(FDS)
        kid_in(directory, 40, checkpoint_step=20).practice()


def values(kid: Kid) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in kid.brain.named_variables().items()}


def test_a_run_that_goes_on_from_memory_learns_what_an_undisturbed_one_does(slots, tmp_path, monkeypatch):
    leave_states(tmp_path / "run")
    again = kid_in(tmp_path / "run", 60)
    again.setup()
    assert again.step == 30
    again.practice()
    monkeypatch.delenv(FDS)
    undisturbed = kid_in(tmp_path / "other", 60)
    undisturbed.practice()
    for name, value in values(undisturbed).items():
        np.testing.assert_array_equal(values(again)[name], value)
    assert again.loss == undisturbed.loss


@pytest.mark.parametrize(("damaged", "step"), [([], 40), (["step-00000040"], 30)])
def test_the_newest_of_what_memory_and_checkpoints_hold_counts(damaged, step, slots, tmp_path, monkeypatch):
    leave_states(tmp_path)
    leave_checkpoints(tmp_path, monkeypatch)
    for name in damaged:
        (tmp_path / "checkpoints" / name / "variables.index").write_bytes(b"?")
    again = kid_in(tmp_path, 60)
    again.setup()
    assert again.step == step


def test_a_state_of_another_run_directory_is_left_alone(slots, tmp_path):
    leave_states(tmp_path / "run")
    other = kid_in(tmp_path / "other", 60)
    other.setup()
    assert other.step == 0


def test_a_state_whose_hash_is_wrong_is_not_used(slots, tmp_path, caplog):
    leave_states(tmp_path)
    os.pwrite(slots.kept()[0].fd, b"?", Header.LENGTH + slots.kept()[0].header.size - 1)
    again = kid_in(tmp_path, 60)
    again.setup()
    assert again.step == 20
    assert "the state of step 30 in memory is not used (its hash is wrong)" in caplog.text


def test_a_state_of_another_kid_is_not_used(slots, tmp_path, caplog):
    leave_states(tmp_path)
    loss = SoftmaxWithLossLayer(10, inputs=["ip1", {"name": "system_in", "idxs": [1]}], name="loss")
    brain = Brain(name="brain").attach(InnerProductLayer(10, name="ip1"), loss)
    other = Kid(Sensor(DigitsSource(), batch_size=32), brain, max_steps=9, log_dir=tmp_path)
    other.setup()
    assert other.step == 0
    assert "is of another Kid" in caplog.text


def test_without_a_supervisor_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.delenv(FDS, raising=False)
    kid = kid_in(tmp_path, 20)
    kid.practice()
    assert not kid._run.keep_due
