"""Events read back: what a run wrote, resumed or killed."""

from __future__ import annotations

import pytest

from akid.backend import tf
from akid.runs.event_files import read_events
from akid.runs.inspection import histogram
from akid.runs.run_dir import RunDir
from akid.runs.tensorboard import Events


def write(directory, values):
    """A file of events with these losses by step."""
    events = Events(RunDir(directory))
    for step, value in values.items():
        events.scalars(step, {"train/loss": value})
        events.distributions(step, {"weights/w": ("histogram", histogram(tf.constant([0.0, value])).numpy())})


def test_scalars_and_histograms_are_read_by_tag_and_step(tmp_path):
    write(tmp_path, {5: 1.0, 10: 0.5})
    recorded = read_events(tmp_path / "events")
    assert recorded.scalars == {"train/loss": {5: 1.0, 10: 0.5}}
    assert recorded.under("train/") == {"loss": {5: 1.0, 10: 0.5}}
    assert recorded.histograms["weights/w"][10][-1, 1] == 0.5


def test_of_a_resumed_run_the_steps_it_did_again_count(tmp_path):
    write(tmp_path, {5: 1.0, 10: 0.5, 15: 0.4, 20: 0.3})
    write(tmp_path, {10: 0.6, 15: 0.45})
    assert read_events(tmp_path / "events").scalars["train/loss"] == {
        5: 1.0,
        10: pytest.approx(0.6),
        15: pytest.approx(0.45),
    }


def test_what_a_kill_cut_off_is_left_out(tmp_path):
    write(tmp_path, {5: 1.0, 10: 0.5})
    (path,) = (tmp_path / "events").iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    recorded = read_events(tmp_path / "events")
    assert recorded.scalars["train/loss"] == {5: 1.0, 10: 0.5}
    assert list(recorded.histograms["weights/w"]) == [5]


def test_there_may_be_none(tmp_path):
    assert read_events(tmp_path / "events").scalars == {}
