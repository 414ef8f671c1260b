"""tf.data pipelines as a source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kid.small_kids import small_kid

from akid import Brain
from akid.backend import tf
from akid.errors import DataError
from akid.jokers import FunctionJoker
from akid.layers import InnerProductLayer, MSELossLayer
from akid.sensors import Sensor
from akid.sources import DatasetSource
from akid.sources.base import ENDLESS


def numbers(count: int, first: int = 0) -> tf.data.Dataset:
    data = tf.data.Dataset.range(first, first + count)
    return data.map(lambda i: (tf.cast([i, i], tf.float32), tf.cast(i, tf.int32)))


def sensor_of(*args: Any, batch_size: int = 4, **options: Any) -> Sensor:
    sensor = Sensor(DatasetSource(*args, **options), batch_size)
    sensor.setup()
    return sensor


def generated(count: int) -> tf.data.Dataset:
    """A pipeline that does not know its length."""

    def examples() -> Iterator[tuple[list[float], int]]:
        yield from (([i, i], i) for i in range(count))

    specs = (tf.TensorSpec([2], tf.float32), tf.TensorSpec([], tf.int32))
    return tf.data.Dataset.from_generator(examples, output_signature=specs)


def test_the_batches_of_a_finite_pipeline_go_on_at_its_end() -> None:
    sensor = sensor_of(numbers(10), numbers(6, 100), batch_size=4)
    assert [sensor.size(s) for s in ("train", "val", "test")] == [10, 6, 0]
    labels = [int(i) for step in range(5) for i in sensor.labels(step)]
    assert labels == [*range(10), *range(10)]
    assert [b[1].numpy().tolist() for b in sensor.batches("val")] == [[100, 101, 102, 103], [104, 105]]


def test_data_and_labels_of_a_step_belong_together() -> None:
    sensor = sensor_of(numbers(10), batch_size=3)
    np.testing.assert_array_equal(sensor.data(2)[:, 0], [6, 7, 8])
    np.testing.assert_array_equal(sensor.labels(2), [6, 7, 8])
    np.testing.assert_array_equal(sensor.labels(0), [0, 1, 2])
    np.testing.assert_array_equal(sensor.labels(1), [3, 4, 5])


def test_batch_feed_and_dataset_agree_and_rows_are_slices() -> None:
    sensor = sensor_of(numbers(10), batch_size=4)
    sensor.attach(FunctionJoker(lambda data, trip: data + trip.random(tf.shape(data))))
    feed = tf.function(sensor.feed("train", 2))
    part = sensor.feed("train", 2, rows=(1, 2))
    for step, batch in zip(range(2, 6), sensor.dataset("train", 2), strict=False):
        whole = sensor.batch(step)
        for a, b, c, d in zip(whole, batch, feed(tf.constant(step)), part(tf.constant(step)), strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)
            np.testing.assert_array_equal(a[1:3], d)
        np.testing.assert_array_equal(sensor.batch(step, rows=(3, 1))[0], whole[0][3:])


def test_a_seeded_shuffle_of_every_epoch_is_resumed_by_skipping_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shuffled = numbers(10).shuffle(10, seed=3, reshuffle_each_iteration=True)
    first = sensor_of(shuffled, batch_size=5)
    seen = [first.labels(step).numpy() for step in range(4)]
    assert sorted(np.concatenate(seen[:2])) == sorted(np.concatenate(seen[2:])) == list(range(10))
    again = sensor_of(numbers(10).shuffle(10, seed=3, reshuffle_each_iteration=True), batch_size=5)
    np.testing.assert_array_equal(again.labels(3), seen[3])
    assert again.source.skipped == 15  # type: ignore[attr-defined]
    assert "DatasetSource has no random access: resumes by skipping 15 train examples" in caplog.text


def test_a_pipeline_without_end_has_no_epochs_unless_it_is_said() -> None:
    endless = sensor_of(numbers(10).repeat())
    assert endless.endless
    assert endless.size("train") == ENDLESS
    assert sensor_of(numbers(10).repeat(), num_train=50).size("train") == 50
    assert not sensor_of(numbers(10)).endless


def test_examples_are_counted_if_the_pipeline_cannot_tell() -> None:
    sensor = sensor_of(generated(7), generated(5), generated(9), num_test=3)
    assert [sensor.size(s) for s in ("train", "val", "test")] == [ENDLESS, 5, 3]
    assert [len(b[1]) for b in sensor.batches("test")] == [3]
    assert sensor_of(numbers(8), numbers(8), num_val=2).size("val") == 2


def test_several_labels_and_none() -> None:
    nested = numbers(8).map(lambda x, y: (x, (y, {"other": y + 1})))
    labels = sensor_of(nested).labels(1)
    np.testing.assert_array_equal(labels[1], labels[0] + 1)
    assert len(sensor_of(numbers(8).map(lambda x, y: x)).batch(0)) == 1


def test_a_graph_must_use_the_feed() -> None:
    sensor = sensor_of(numbers(8))
    message = r"'DatasetSource' is a stream without random access: inside a graph use sensor.feed\(split\) or"
    with pytest.raises(DataError, match=message):
        tf.function(lambda: sensor.batch(tf.constant(0)), autograph=False)()


def test_a_stream_that_ends_too_early_is_an_error() -> None:
    sensor = sensor_of(numbers(8), numbers(2), num_val=2)
    sensor.source._sizes["val"] = 9  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="'DatasetSource' has ended before batch 1"):
        sensor.batch(1, "val")


WRONG = {
    "none": (lambda: DatasetSource(), "DatasetSource needs a pipeline: train=, val= or test="),
    "list": (lambda: DatasetSource([1]), r"train must be a tf.data.Dataset. Received: train=\["),
    "dict": (
        lambda: DatasetSource(numbers(3).map(lambda x, y: {"x": x})),
        r"an example of train must be a tensor or a tuple .*map\(\) it to one. Received: \{'x'",
    ),
    "ragged": (
        lambda: DatasetSource(val=numbers(3).map(lambda x, y: tf.RaggedTensor.from_tensor(x[None]))),
        "an example of val must be a tensor .* of known rank",
    ),
    "specs": (
        lambda: sensor_of(numbers(3), numbers(3).map(lambda x, y: (x, tf.cast(y, tf.int64)))),
        "train and val must give the same shapes and dtypes. Received: .*int32.* and .*int64",
    ),
    "empty": (lambda: sensor_of(numbers(0)), "the pipeline train is empty"),
    "empty val": (lambda: sensor_of(numbers(8), generated(0)), "the pipeline val is empty"),
    "endless": (
        lambda: sensor_of(numbers(8), test=numbers(8).repeat()),
        "test has no end: say how many examples to take by num_test",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_pipelines_are_refused(wrong: str) -> None:
    make, message = WRONG[wrong]
    with pytest.raises(DataError, match=message):
        make()


def regression() -> Brain:
    labelled = ["ip", {"name": "system_in", "idxs": [1]}]
    return Brain("b").attach(InnerProductLayer(1, name="ip"), MSELossLayer(inputs=labelled))


def nothing() -> tf.data.Dataset:
    """A pipeline that gives nothing and does not know it."""
    return numbers(4).filter(lambda *_: False)


def test_a_pipeline_that_gives_nothing_is_told(tmp_path: Path) -> None:
    message = "DatasetSource: the pipeline train gives no examples"
    sensor = sensor_of(nothing(), batch_size=2)
    with pytest.raises(DataError, match=message):
        sensor.batch(0)
    with pytest.raises(DataError, match=message):
        next(sensor.batches("train"))
    kid = small_kid(tmp_path, sensor=sensor_of(nothing(), batch_size=2), brain=regression())
    with pytest.raises(DataError, match=message):
        kid.practice()


@pytest.mark.parametrize(
    "data", [numbers(4).repeat(), numbers(4).filter(lambda *_: True)], ids=["endless", "unknown"]
)
def test_a_split_without_a_known_end_is_not_evaluated_as_a_whole(tmp_path: Path, data: tf.data.Dataset) -> None:
    kid = small_kid(tmp_path, sensor=sensor_of(data), brain=regression())
    with pytest.raises(DataError, match=r"The split 'train' of .* has no known end.* Give the source a num_train"):
        kid.validate("train")


def test_a_part_of_a_pipeline_without_an_end_is_evaluated(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, sensor=sensor_of(numbers(4).repeat(), num_train=6), brain=regression())
    assert np.isfinite(kid.validate("train")[0])
