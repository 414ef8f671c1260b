"""Checkpoints: latest and best, what is damaged, what is of another Kid."""

import errno
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_kids import metrics, small_brain, small_kid, values

from akid import Brain, DataError
from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.blocks.trip import Trip
from akid.errors import DamagedFileError, NotFiniteError, StorageError
from akid.inference.export import restore_for_inference
from akid.kongfus import AdamKongFu
from akid.layers import InnerProductLayer, SoftmaxWithLossLayer
from akid.runs.checkpoint_files import committed
from akid.runs.checkpoints import Checkpoints
from akid.runs.run_dir import RunDir


def steps(directory: Path) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in committed(directory)]


def test_the_latest_are_kept(tmp_path: Path) -> None:
    small_kid(tmp_path, max_steps=12, val_log_step=100, checkpoint_step=2, keep_checkpoints=2).practice()
    assert steps(tmp_path / "checkpoints") == [10, 12]
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {"step-00000010", "step-00000012"}


def test_nothing_is_saved_if_not_wanted(tmp_path: Path) -> None:
    small_kid(tmp_path, save_chk_point=False).practice()
    assert not (tmp_path / "checkpoints").exists()
    assert not (tmp_path / "best").exists()


@pytest.mark.parametrize(("goal", "choose"), [("min", min), ("max", max)])
def test_the_best_is_kept_by_metric_and_direction(tmp_path: Path, goal: str, choose: object) -> None:
    options = {"max_steps": 8, "val_log_step": 1, "best_metric": {"metric": "loss", "goal": goal}}
    kid = small_kid(tmp_path, kongfu=AdamKongFu(0.5), **options)
    kid.practice()
    losses = {line["step"]: line["val_loss"] for line in metrics(tmp_path) if line["kind"] == "val"}
    best = choose(losses, key=losses.__getitem__)  # type: ignore[operator]
    assert steps(tmp_path / "best") == [best] == [kid.standing.best_step]
    kid.restore(best=True)
    assert kid.step == best
    assert kid.validate()[0] == losses[best]


@pytest.mark.parametrize("text", [False, True])
def test_nothing_is_known_of_a_checkpoint_whose_file_system_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bool
) -> None:
    kid = small_kid(tmp_path, max_steps=10)
    kid.practice()
    kept = [path.name for path in committed(tmp_path / "checkpoints")]
    error = OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    def read(*arguments: object, **options: object) -> None:
        raise tf.errors.UnknownError(None, None, str(error)) if text else error

    monkeypatch.setattr(tf.train, "load_checkpoint", read)
    with pytest.raises(tf.errors.UnknownError if text else OSError, match="not connected"):
        kid.restore()
    assert [path.name for path in committed(tmp_path / "checkpoints")] == kept


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    straight = small_kid(tmp_path / "a", max_steps=20)
    straight.practice()
    small_kid(tmp_path / "b", max_steps=15).practice()
    newest = committed(tmp_path / "b" / "checkpoints")[-1] / "variables.data-00000-of-00001"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    newest.write_bytes(content)
    kid = small_kid(tmp_path / "b", max_steps=20)
    with caplog.at_level(logging.WARNING):
        kid.setup()
    assert "step-00000015 cannot be read" in caplog.text
    assert "cannot be read" in caplog.text
    assert "going on from" in caplog.text
    assert kid.step == 10
    kid.practice()
    assert metrics(tmp_path / "b") == metrics(tmp_path / "a")
    assert steps(tmp_path / "b" / "checkpoints") == [10, 15, 20]
    assert (tmp_path / "b" / "checkpoints" / "aside-step-00000015" / "checkpoint.json").exists()


def test_half_a_checkpoint_does_not_count(tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    (tmp_path / "checkpoints" / "step-00000099").mkdir()
    (tmp_path / "checkpoints" / "partial-00000100").mkdir()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "step": 11}\n{"kind": "tr')  # killed while it wrote a line
    kid = small_kid(tmp_path, max_steps=15)
    kid.practice()
    assert [m["step"] for m in metrics(tmp_path)] == [5, 5, 10, 10, 15, 15]
    assert steps(tmp_path / "checkpoints") == [5, 10, 15]
    assert not list((tmp_path / "checkpoints").glob("partial-*"))


def test_a_checkpoint_of_another_kid_is_refused(tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    wider = Brain("wider").attach(
        InnerProductLayer(9, name="ip1"),
        InnerProductLayer(3, name="ip2"),
        SoftmaxWithLossLayer(3, name="loss", inputs=["ip2", {"name": "system_in", "idxs": [1]}]),
    )
    text = r"is of another Kid: 'brain/ip1/weights' has the shape \(4, 8\) there and has the shape \(4, 9\)"
    with pytest.raises(DataError, match=text):
        small_kid(tmp_path, brain=wider).setup()
    text = r"'kongfu/ip1/weights/\w+' does not exist there and has the shape \(4, 8\) here\. Use another log_dir"
    with pytest.raises(DataError, match=text):
        small_kid(tmp_path, kongfu=AdamKongFu()).setup()


def test_a_missing_best_checkpoint_is_an_error(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.setup()
    kid.save()
    kid._run.checkpoints.sync()
    with pytest.raises(DataError, match=r"There is no readable checkpoint in .*best\. There is a latest one"):
        kid.restore(best=True)


def test_a_checkpoint_holds_what_the_variables_held_when_it_was_asked_for(tmp_path: Path) -> None:
    variable = tf.Variable(tf.range(1000.0))
    checkpoints = Checkpoints(tmp_path / "latest", tmp_path / "best", {"v": variable})
    for step in range(5):
        checkpoints.save(step, {}, is_best=step == 1)
        tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=1.0, delta=tf.ones([1000]))
    checkpoints.sync()
    assert steps(tmp_path / "latest") == [2, 3, 4]
    for path, expected in [
        *zip(committed(tmp_path / "latest"), (2, 3, 4), strict=True),
        *[(committed(tmp_path / "best")[0], 1)],
    ]:
        saved = tf.train.load_checkpoint(str(path / "variables")).get_tensor("v")
        np.testing.assert_array_equal(saved, np.arange(1000.0) - expected)
        assert json.loads((path / "checkpoint.json").read_text())["step"] == expected


def test_a_checkpoint_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("in the way")
    checkpoints = Checkpoints(tmp_path / "latest", tmp_path / "best", {"v": tf.Variable(1.0)})
    checkpoints.save(1, {})
    with pytest.raises(StorageError, match=r"A checkpoint cannot be written to .*latest: "):
        checkpoints.sync()


def test_what_is_not_finite_in_another_process_is_saved_by_none(tmp_path: Path, monkeypatch) -> None:
    kid = small_kid(tmp_path)
    kid.setup()
    monkeypatch.setattr(kid.engine, "agree", lambda flag: True)
    with pytest.raises(NotFiniteError, match=r"A parameter is not finite at step 0\. No checkpoint was saved"):
        kid.save()
    assert steps(tmp_path / "checkpoints") == []


def test_the_moving_average_stands_in_for_validation_and_prediction_only(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, moving_average_decay=0.9, brain=small_brain())
    kid.practice()
    assert kid.moving_average is not None
    raw = values(kid)
    averages = {n.removesuffix("/average"): v.numpy() for n, v in kid.moving_average.slots.items()}
    assert not np.allclose(raw["ip1/weights"], averages["ip1/weights"])
    data = np.ones([2, 4], np.float32)
    hidden = np.maximum(data @ averages["ip1/weights"] + averages["ip1/biases"], 0)
    expected = hidden @ averages["ip2/weights"] + averages["ip2/biases"]
    np.testing.assert_allclose(kid.predict(data)["ip2"], expected, rtol=1e-5)
    np.testing.assert_array_equal(values(kid)["ip1/weights"], raw["ip1/weights"])
    again = small_kid(tmp_path, moving_average_decay=0.9)
    again.setup()
    np.testing.assert_array_equal(values(again)["ip1/weights"], raw["ip1/weights"])
    np.testing.assert_allclose(again.predict(data)["ip2"], expected, rtol=1e-5)


def everything(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_nothing_changes_if_no_checkpoint_can_be_read(tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    for path in committed(tmp_path / "checkpoints"):
        (path / "variables.index").write_bytes(b"junk")
    before = everything(tmp_path)
    with pytest.raises(DamagedFileError, match=r"None of the checkpoints in .* can be read; nothing was changed"):
        small_kid(tmp_path).practice()
    assert everything(tmp_path) == before


def test_a_checkpoint_of_another_dtype_is_refused(tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    before = everything(tmp_path)
    double = Brain("double").attach(
        InnerProductLayer(8, name="ip1"),
        CastLayer(name="cast"),
        InnerProductLayer(3, name="ip2", dtype="float64"),
        SoftmaxWithLossLayer(3, name="loss", inputs=["ip2", {"name": "system_in", "idxs": [1]}]),
    )
    text = r"is of another Kid: 'brain/ip2/weights' is of dtype float32 there and of float64 here\. Use another"
    with pytest.raises(DataError, match=text):
        small_kid(tmp_path, brain=double).practice()
    assert everything(tmp_path) == before


class CastLayer(ProcessingLayer):
    """To float64."""

    def _forward(self, x: Any, trip: Trip) -> Any:
        return tf.cast(x, tf.float64)


def test_a_run_directory_may_have_any_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = "lr=[0.05]{a,b}*?\\"
    small_kid(tmp_path / name, do_summary=True).practice()
    kid = small_kid(tmp_path / name)
    kid.setup()
    assert kid.step == 10
    kid.restore(best=True)
    loaded = tf.saved_model.load(str(shutil.copytree(kid.export(), tmp_path / "export")))
    assert "serving_default" in loaded.signatures
    assert f"from a path with any of *?[\\]{{}}: copy {tmp_path / name / 'export'} first" in caplog.text
    restore_for_inference(RunDir(tmp_path / name), small_brain())
    assert all(any((tmp_path / name / path).iterdir()) for path in ("events", "export"))
