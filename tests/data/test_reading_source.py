"""A source of one's own, read by Python, gives what the same examples in memory give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import DataError
from akid.jokers import CropJoker, FlipJoker, MixupJoker
from akid.op_errors import data_errors
from akid.sensors import Sensor
from akid.sources import ArraySource, ReadingSource

DATA = np.random.default_rng(1).integers(0, 256, (30, 6, 6, 1), np.uint8)
LABELS = np.arange(30, dtype=np.int32) % 10


class PythonSource(ReadingSource):
    """24 examples to train with, 6 to validate."""

    def _setup(self) -> None:
        pass

    def size(self, split: str) -> int:
        return {"train": 24, "val": 6, "test": 0}[split]

    def signature(self) -> list[tf.TensorSpec]:
        return [tf.TensorSpec([None, 6, 6, 1], tf.uint8), tf.TensorSpec([None], tf.int32)]

    def read(self, split: str, indices: np.ndarray) -> list[np.ndarray]:
        rows = indices + (24 if split == "val" else 0)
        return [DATA[rows], LABELS[rows]]


def sensor_of(source: Any) -> Sensor:
    jokers = [CropJoker(6, 6, padding=1), FlipJoker(), MixupJoker(1.0, 10)]
    sensor = Sensor(source, batch_size=7, val_batch_size=4, seed=3, jokers=jokers)
    sensor.setup()
    return sensor


def same(a: Any, b: Any) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def test_every_form_resumes_at_any_step_with_the_batches_of_arrays() -> None:
    arrays = sensor_of(ArraySource(DATA, LABELS, num_val=6, split_seed=None, scale=True))
    sensor = sensor_of(PythonSource(scale=True))
    graph = tf.function(lambda step: sensor.batch(step), autograph=False)
    feed = tf.function(sensor.feed("train", 5), autograph=False)
    for step, batch in zip(range(5, 9), sensor.dataset("train", 5), strict=False):
        wanted = arrays.batch(step)
        for have in (sensor.batch(step), graph(tf.constant(step)), feed(tf.constant(step)), batch):
            same(have, wanted)
    for step, batch in enumerate(sensor.batches("val")):
        same(batch, arrays.batch(step, "val"))


def test_slices_for_workers_are_the_batch() -> None:
    sensor = sensor_of(PythonSource(scale=True))
    whole = sensor.batch(5)
    for sliced in (
        [sensor.batch(5, rows=rows) for rows in ((0, 3), (3, 4))],
        [sensor.feed("train", 5, rows)(tf.constant(5)) for rows in ((0, 3), (3, 4))],
    ):
        same([np.concatenate(parts) for parts in zip(*sliced, strict=True)], whole)


def test_errors_keep_their_class_through_a_graph_and_others_stay_what_they_are() -> None:
    class BrokenSource(PythonSource):
        def read(self, split: str, indices: np.ndarray) -> list[np.ndarray]:
            raise DataError("the disk is gone. Mend it.")

    sensor = sensor_of(BrokenSource())
    with pytest.raises(DataError, match=r"^the disk is gone. Mend it.$"), data_errors():
        tf.function(lambda: sensor.batch(tf.constant(0, tf.int64)), autograph=False)()
    with pytest.raises(tf.errors.InvalidArgumentError), data_errors():
        tf.reshape(tf.zeros([4]), [3])


def test_what_a_source_of_ones_own_lacks_is_named() -> None:
    class Empty(ReadingSource):
        pass

    source, index = Empty(), tf.constant([0], tf.int64)
    for ask, method in (
        (lambda: source.size("train"), r"size\(split\)"),
        (source.signature, r"signature\(\)"),
        (lambda: source.read("train", np.zeros(1)), r"read\(split, indices\)"),
        (lambda: source.stream("train", 0), r"stream\(split, skip\)"),
    ):
        with pytest.raises(NotImplementedError, match=f"Empty must define {method}"):
            ask()
    with pytest.raises(NotImplementedError, match="ArrayLess must define gather"):
        type("ArrayLess", (type(source).__mro__[2],), {})().gather("train", index)
