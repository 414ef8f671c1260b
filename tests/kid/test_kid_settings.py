"""A run goes on with the settings it began with; Kids share a sensor; errors of a Kid's data teach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kid.small_kids import blobs, small_brain, small_kid

from akid import Brain, DatasetSource, Kid, MomentumKongFu, ProcessingLayer, Sensor, SGDKongFu
from akid.backend import tf
from akid.blocks.regularizers import Regularizer
from akid.errors import AkidError, BlockError, DataError, NotFiniteError, StorageError
from akid.jokers import FunctionJoker
from akid.layers import EmbeddingLayer, InnerProductLayer, SoftmaxWithLossLayer
from akid.sources import ArraySource, ReadingSource

LABELLED = [{"name": "ip"}, {"name": "system_in", "idxs": [1]}]


def heavy_brain() -> Brain:
    brain = small_brain()
    brain.block("loss").multiplier = 2.0
    return brain


def decaying_brain() -> Brain:
    brain = small_brain()
    brain.block("ip2").wd = Regularizer("l2", 0.1)
    return brain


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"kongfu": MomentumKongFu(0.2)}, "kongfu.lr_scheme.base_lr"),
        ({"kongfu": MomentumKongFu(0.1, momentum=0.5)}, "kongfu.momentum"),
        ({"kongfu": MomentumKongFu(0.1, clip_norm=0.5)}, "kongfu.clip_norm"),
        ({"seed": 5}, "seed"),
        ({"sensor": Sensor(blobs(), 4)}, "sensor.batch_size"),
        ({"sensor": Sensor(blobs(scale=True), 8)}, "sensor.source.scale"),
        ({"sensor": Sensor(blobs(), 8, jokers=[FunctionJoker(lambda d, trip: d)])}, "sensor.jokers"),
        ({"brain": heavy_brain()}, "brain.loss.multiplier"),
        ({"brain": decaying_brain()}, "brain.ip2.wd"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_run_does_not_go_on_with_other_settings(tmp_path: Path, changed: dict[str, Any], path: str) -> None:
    small_kid(tmp_path).practice()
    lines = (tmp_path / "metrics.jsonl").read_text()
    message = rf"^{path} differs from the Kid that practised in .*; a run goes on with the settings it began with"
    with pytest.raises(DataError, match=message):
        small_kid(tmp_path, max_steps=20, **changed).practice()
    assert (tmp_path / "metrics.jsonl").read_text() == lines
    (tmp_path / "settings.json").unlink()
    small_kid(tmp_path, max_steps=11, **changed).practice()


def test_a_run_does_not_go_on_with_another_moving_average(tmp_path: Path) -> None:
    small_kid(tmp_path, moving_average_decay=0.9).practice()
    with pytest.raises(DataError, match=r"^moving_average differs from the Kid that practised"):
        small_kid(tmp_path, moving_average_decay=0.99, max_steps=20).practice()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("max_step", "max_steps"), ("logdir", "log_dir"), ("moving_average_decay", "moving_average"),
     ("progress", "show_progress"), ("kongfu_in", "kongfu")],
)  # fmt: skip
def test_an_attribute_that_would_change_nothing_is_refused(tmp_path: Path, name: str, meant: str) -> None:
    kid = small_kid(tmp_path)
    with pytest.raises(AkidError, match=rf"a Kid has no {name}: .* Did you mean '{meant}'\? Received: {name}=3"):
        setattr(kid, name, 3)
    kid.remark = "of one's own"


def test_a_run_goes_on_with_the_same_settings_for_longer(tmp_path: Path) -> None:
    small_kid(tmp_path, kongfu=MomentumKongFu({"name": "placeholder", "base_lr": 0.1})).practice()
    kid = small_kid(tmp_path, kongfu=MomentumKongFu({"name": "placeholder", "base_lr": 0.1}), max_steps=15)
    kid.hooks.on_train_begin.append(lambda kid: kid.kongfu.set_lr(0.05))
    kid.practice()
    assert kid.step == 15
    again = small_kid(
        tmp_path, kongfu=MomentumKongFu({"name": "placeholder", "base_lr": 0.1}), max_steps=20, keep_checkpoints=1
    )
    again.practice()
    assert again.step == 20


def test_another_kongfus_settings_do_not_keep_a_kid_from_predicting(tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    other = small_kid(tmp_path, kongfu=MomentumKongFu(0.3), seed=3)
    assert other.predict(np.zeros([2, 4], np.float32))["loss"].shape == (2, 3)
    assert other.step == 10


def test_kids_that_share_a_sensor_each_have_their_seed(tmp_path: Path) -> None:
    shared = Sensor(blobs(), 8)
    kids = [small_kid(tmp_path / str(seed), sensor=shared, seed=seed) for seed in (1, 2, 1)]
    for kid in kids:
        kid.setup()
    alone = small_kid(tmp_path / "alone", seed=2)
    alone.setup()
    first, second, third = (kid.sensor.batch(0)[0].numpy() for kid in kids)
    np.testing.assert_array_equal(second, alone.sensor.batch(0)[0])
    np.testing.assert_array_equal(first, third)
    assert not np.array_equal(first, second)
    assert kids[0].sensor is shared
    assert kids[1].sensor.source is shared.source
    own = Sensor(blobs(), 8, seed=9)
    assert own.for_seed(1) is own


def test_nan_in_the_data_is_told_from_a_rate_that_is_too_large(tmp_path: Path) -> None:
    data = np.zeros([8, 4], np.float32)
    data[3, 1] = np.nan
    kid = small_kid(tmp_path / "nan", sensor=Sensor(ArraySource(data, np.arange(8) % 3), 8))
    with pytest.raises(NotFiniteError, match=r"The loss became nan at step \d\. .* The data hold NaN"):
        kid.practice()
    with pytest.raises(NotFiniteError, match="Try a smaller learning rate"):
        small_kid(tmp_path / "rate", kongfu=SGDKongFu(1e30)).practice()


def test_labels_may_be_true_and_false(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    brain = Brain("b").attach(InnerProductLayer(2, name="ip"), SoftmaxWithLossLayer(2, inputs=LABELLED))
    sensor = Sensor(ArraySource(x, x[:, 0] > 0, num_val=10), 10)
    kid = Kid(sensor, brain, SGDKongFu(1.0), max_steps=30, log_dir=tmp_path, progress=False, do_summary=False)
    assert kid.practice(return_eval=True)[1]["accuracy"] > 0.8


def classifier(*blocks: ProcessingLayer, class_num: int = 3) -> Brain:
    return Brain("b").attach(
        *blocks, InnerProductLayer(class_num, name="ip"), SoftmaxWithLossLayer(class_num, inputs=LABELLED)
    )


@pytest.mark.parametrize(
    ("data", "brain", "message"),
    [
        (
            np.zeros([8, 2], np.float32),
            classifier(class_num=2),
            r"loss1: a label must be .* 2 classes, 0 to 1\. Received: 2, of example",
        ),
        (
            np.full([8, 2], 12),
            classifier(EmbeddingLayer(10, 2, name="words")),
            r"words: a number must be 0 to 9, for there are 10\. Received: 12",
        ),
    ],
    ids=["class", "token"],
)
def test_numbers_out_of_range_are_told(tmp_path: Path, data: np.ndarray, brain: Brain, message: str) -> None:
    with pytest.raises(DataError, match=message):
        small_kid(tmp_path, sensor=Sensor(ArraySource(data, np.arange(8) % 3), 8), brain=brain).practice()


def test_pipelines_of_batches_are_refused() -> None:
    pipeline = tf.data.Dataset.from_tensor_slices((np.zeros([8, 2]), np.zeros(8))).batch(4)
    with pytest.raises(DataError, match=r"train must give single examples, .* unbatch\(\)"):
        DatasetSource(pipeline)


def test_a_missing_input_is_told_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"The brain needs all of \['data'\]. Received: data\[1\]=None"):
        small_kid(tmp_path).predict([np.zeros([2, 4]), None])


def test_a_source_that_is_read_needs_no_set_up_of_its_own() -> None:
    class Numbers(ReadingSource):
        def size(self, split: str) -> int:
            return 8

        def signature(self) -> list[tf.TensorSpec]:
            return [tf.TensorSpec([None, 1])]

        def read(self, split: str, indices: np.ndarray) -> list[np.ndarray]:
            return [indices[:, None]]

    sensor = Sensor(Numbers(), 8, shuffle=False)
    sensor.setup()
    assert sensor.data().numpy()[:, 0].tolist() == list(range(8))


class Hiding(ProcessingLayer):
    """Has a variable where akid does not look."""

    def _setup(self, x: Any) -> None:
        variable = tf.Variable(2.0)
        self.hidden = lambda: variable

    def _forward(self, x: Any, trip: Any) -> Any:
        return x * self.hidden()


def test_an_export_names_the_variable_that_akid_does_not_know(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, brain=classifier(Hiding()))
    kid.practice()
    with pytest.raises(BlockError, match=r"cannot be exported: a block uses a variable that akid does not know"):
        kid.export()


def test_an_export_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the volume is gone")

    kid = small_kid(tmp_path)
    kid.setup()
    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(StorageError, match=r"The export cannot be written to .*export: the volume is gone"):
        kid.export()


MANY_KIDS = """
import sys
from kid.small_kids import small_kid
for i in range(6):
    small_kid(f"{sys.argv[1]}/{i}", max_steps=2, do_summary=True).practice()
"""


def test_many_kids_of_a_process_raise_no_warnings_of_retracing(tmp_path: Path) -> None:
    # In a process of its own: TensorFlow warns of a function twice at most.
    command = [sys.executable, "-c", MANY_KIDS, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert "retracing" not in done.stderr
