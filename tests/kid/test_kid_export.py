"""Export: a SavedModel that needs no akid; from a Kid and from a run directory without its data."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from small_kids import small_kid
from test_kid_inference import raw_kid

from akid import ArraySource, Brain, DataError, Joker, Sensor
from akid.backend import tf
from akid.cli import main
from akid.errors import StorageError
from akid.inference.export import export_brain, exported_outputs, restore_for_inference
from akid.inference.signature import Signature
from akid.layers import ConcatLayer, InnerProductLayer, SoftmaxWithLossLayer
from akid.runs.run_dir import RunDir


def call(directory: Path, signature: str = "serving_default", **data: Any) -> dict[str, np.ndarray]:
    """What an export gives."""
    loaded = tf.saved_model.load(str(directory))
    found = loaded.signatures[signature](**{name: tf.constant(value) for name, value in data.items()})
    return {name: value.numpy() for name, value in found.items()}


@pytest.mark.parametrize("size", [1, 7])
def test_an_export_gives_what_the_kid_predicts(tmp_path: Path, size: int) -> None:
    kid = small_kid(tmp_path, moving_average_decay=0.9)
    kid.practice()
    target = kid.export()
    assert target == tmp_path / "export"
    data = np.random.default_rng(0).normal(size=(size, 4)).astype(np.float32)
    expected, found = kid.predict(data), call(target, data=data)
    assert set(found) == {"ip2", "loss"}
    assert exported_outputs(target) == ["ip2", "loss"]
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6)


def test_an_export_takes_raw_data(tmp_path: Path) -> None:
    kid = raw_kid(tmp_path)
    kid.practice()
    target = kid.export(tmp_path / "elsewhere")
    images = np.random.default_rng(1).integers(0, 255, [7, 6, 6, 1], np.uint8)
    found = call(target, "raw", data=images)
    np.testing.assert_allclose(found["ip1"], kid.predict(images, raw=True)["ip1"], rtol=1e-5)
    described = json.loads((target / "assets.extra" / "akid.json").read_text())
    assert described["signatures"]["raw"] == [{"name": "data", "shape": [None, 6, 6, 1], "dtype": "uint8"}]
    assert described["signatures"]["serving_default"][0]["shape"] == [None, 8, 8, 1]


def test_an_export_is_replaced_but_nothing_else_is(tmp_path: Path) -> None:
    kid = small_kid(tmp_path / "run")
    kid.practice()
    target = kid.export()
    (target / "old").write_text("")
    assert kid.export() == target
    assert not (target / "old").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(DataError, match=r"mine is not empty and holds no export; give another directory\."):
        kid.export(tmp_path / "mine")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"The export cannot be written to .*file"):
        kid.export(tmp_path / "file" / "below")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "mine", "run"]


class HostJoker(Joker):
    """Runs outside of the graph: cannot be exported."""

    is_random = False

    def _joke(self, data: Any, trip: Any) -> Any:
        if tf.inside_function():
            raise RuntimeError("eager only")
        return data


def test_a_preparation_that_cannot_be_traced_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    brain = Brain("b").attach(InnerProductLayer(3, name="ip1"))
    spec = [tf.TensorSpec([None, 4], tf.float32)]
    brain.build(spec)
    sensor = Sensor(ArraySource(np.zeros([4, 4], np.float32)), batch_size=2, jokers=[HostJoker()])
    with caplog.at_level(logging.WARNING):
        target = export_brain(brain, Signature(spec, spec), tmp_path / "out", sensor)
    assert (
        "the export has no signature 'raw': the sensor's preparation cannot be traced (eager only)" in caplog.text
    )
    assert set(tf.saved_model.load(str(target)).signatures) == {"serving_default"}


def test_several_inputs_and_nested_brains_without_a_loss(tmp_path: Path) -> None:
    inner = Brain("inner", inputs=[{"name": "system_in", "idxs": [1]}]).attach(InnerProductLayer(2, name="ip1"))
    brain = Brain("two").attach(
        InnerProductLayer(3, name="ip1"), inner, ConcatLayer(inputs=["ip1", "inner"], name="both")
    )
    spec = [tf.TensorSpec([None, 4], tf.float32), tf.TensorSpec([None, 5], tf.float32)]
    brain.build(spec)
    target = export_brain(brain, Signature(spec, spec), tmp_path / "out")
    for size in (1, 7):
        x, y = np.ones([size, 4], np.float32), np.ones([size, 5], np.float32)
        found = call(target, data_0=x, data_1=y)["both"]
        np.testing.assert_allclose(found[:, :3], x @ brain["ip1/weights"].numpy(), rtol=1e-5)
        np.testing.assert_allclose(found[:, 3:], y @ brain["inner/ip1/weights"].numpy(), rtol=1e-5)


MANIFEST = {
    "apiVersion": "akid.dev/v1alpha1",
    "kind": "AkidJob",
    "metadata": {"name": "exported"},
    "spec": {
        "kid": {
            "sensor": {"source": {"type": "DigitsSource", "num_val": 100}, "batch_size": 50},
            "brain": {
                "blocks": [
                    {"type": "InnerProductLayer", "out_channel_num": 10, "name": "branch"},
                    {
                        "type": "SoftmaxWithLossLayer",
                        "class_num": 10,
                        "inputs": ["branch", {"name": "system_in", "idxs": [1]}],
                    },
                ]
            },
            "kongfu": {"type": "MomentumKongFu", "lr_scheme": 0.5},
            "max_steps": 20,
            "val_log_step": 5,
            "best_metric": {"metric": "accuracy", "goal": "min"},
            "do_summary": False,
        },
        "engine": {"name": "single"},
    },
}


def test_a_run_is_exported_without_its_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(MANIFEST))
    log_dir = tmp_path / "run"
    assert main(["run", str(tmp_path / "job.yaml"), "--log-dir", str(log_dir)]) == 0
    capsys.readouterr()
    monkeypatch.setattr("akid.sources.digits._FILE", tmp_path / "gone.npz")
    assert main(["export", str(log_dir)]) == 0
    assert capsys.readouterr().out == f"{log_dir / 'export'}: branch, loss1\n"
    assert main(["export", str(log_dir), "--best", "--output", str(tmp_path / "worst")]) == 0
    data = np.random.default_rng(0).integers(0, 17, [7, 8, 8, 1], np.uint8)
    raw = call(log_dir / "export", "raw", data=data)["branch"]
    np.testing.assert_allclose(
        raw, call(log_dir / "export", data=(data / 16).astype(np.float32))["branch"], rtol=1e-5
    )
    assert not np.allclose(raw, call(tmp_path / "worst", "raw", data=data)["branch"])


def test_what_cannot_be_exported_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path)]) == 2
    assert "kid.yaml; expected the directory of a run of `akid run`." in capsys.readouterr().err
    empty = small_kid(tmp_path / "empty")
    with pytest.raises(DataError, match=r"There is no .*signature\.json; expected the directory of a run that"):
        restore_for_inference(RunDir(empty.log_dir), empty.brain)
    Signature([tf.TensorSpec([None, 4])], [tf.TensorSpec([None, 4])]).write(tmp_path / "empty" / "signature.json")
    with pytest.raises(DataError, match=r"There is no readable checkpoint in .*checkpoints\.$"):
        restore_for_inference(RunDir(tmp_path / "empty"), Brain().attach(InnerProductLayer(3)))


def test_a_loss_with_a_name_of_its_own_is_kept_apart() -> None:
    brain = Brain().attach(
        InnerProductLayer(3, name="ip"),
        SoftmaxWithLossLayer(3, name="ip_loss", inputs=["ip", {"name": "system_in", "idxs": [1]}]),
    )
    spec = [tf.TensorSpec([None, 4], tf.float32), tf.TensorSpec([None], tf.int64)]
    brain.build(spec)
    from akid.inference.predictor import Predictor

    assert Predictor(brain, spec).outputs == ["ip", "ip_loss"]


@pytest.mark.parametrize("directory", [".", "", "../here", "a/.."])
def test_the_current_directory_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: str
) -> None:
    kid = small_kid(tmp_path / "run")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DataError, match=r"is the current directory, which an export would replace"):
        export_brain(kid.brain, Signature([], []), directory)


def test_a_directory_above_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kid = small_kid(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^\.\. is not empty and holds no export; give another directory"):
        kid.export("..")
