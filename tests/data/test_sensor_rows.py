"""Workers' slices of a batch, put together, are the global batch bit by bit, jokers included."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from akid.backend import tf
from akid.errors import DataError
from akid.jokers import CropJoker, CutoutJoker, FlipJoker, FunctionJoker, LightJoker, MixupJoker
from akid.sensors import Sensor
from akid.sources import ArraySource

IMAGES = np.random.default_rng(0).integers(0, 256, (31, 5, 4, 3), np.uint8)
NUMBERS = np.arange(31, dtype=np.int32)
EVERY = ("train", "val")


def by_row():
    return [
        CropJoker(5, 4, padding=1),
        FlipJoker(True, True, splits=EVERY),
        LightJoker(splits=EVERY),
        CutoutJoker(2, splits=EVERY),
        FunctionJoker(lambda x, trip: x + trip.random(tf.shape(x), "normal")),
    ]


def mixing():
    return [FlipJoker(splits=EVERY), MixupJoker(1.0, class_num=31, splits=EVERY), CutoutJoker(2, splits=EVERY)]


def sensor_of(jokers, batch_size=12):
    sensor = Sensor(ArraySource(IMAGES, NUMBERS, num_val=10, scale=True), batch_size, 7, jokers=jokers, seed=4)
    sensor.setup()
    return sensor


SENSORS = {"by row": sensor_of(by_row()), "mixing": sensor_of(mixing())}
every_sensor = pytest.mark.parametrize("sensor", SENSORS.values(), ids=SENSORS)


def assert_joined(parts, whole):
    for joined, one in zip(zip(*parts, strict=True), whole, strict=True):
        np.testing.assert_array_equal(np.concatenate([np.asarray(t) for t in joined]), one)


@every_sensor
@given(st.integers(0, 100), st.lists(st.integers(1, 11), unique=True, max_size=3).map(sorted))
@settings(max_examples=8, deadline=None)
def test_slices_of_any_cut_are_the_batch(sensor, step, cuts):
    ends = [0, *cuts, 12]
    slices = [(a, b - a) for a, b in itertools.pairwise(ends)]
    assert_joined([sensor.batch(step, rows=rows) for rows in slices], sensor.batch(step))


@every_sensor
def test_a_graph_may_take_the_start_of_its_slice_as_a_tensor(sensor):
    part = tf.function(lambda s, start: sensor.batch(s, rows=(start, 4)), autograph=False)
    step = tf.constant(5, tf.int64)
    parts = [part(step, tf.constant(start)) for start in (0, 4, 8)]
    assert_joined(parts, sensor.batch(5))
    shapes = part.get_concrete_function(step, tf.constant(0)).structured_outputs
    assert [t.shape[0] for t in shapes] == [4, 4]


@every_sensor
def test_pipelines_and_feeds_of_slices_are_the_batches(sensor):
    for split in EVERY:
        count = sensor.batch(0, split)[0].shape[0]
        slices = [(0, 3), (3, count - 3)]
        pipelines = [sensor.dataset(split, 1, rows).take(2) for rows in slices]
        feeds = [sensor.feed(split, rows=rows) for rows in slices]
        steps = range(1, 1 + min(2, sensor.num_batches(split) - 1))
        for step, *parts in zip(steps, *pipelines, strict=False):
            whole = sensor.batch(step, split)
            assert_joined(parts, whole)
            assert_joined([feed(tf.constant(step, tf.int64)) for feed in feeds], whole)


@every_sensor
def test_a_slice_of_the_last_batch_of_validation_may_be_smaller_or_empty(sensor):
    parts = [sensor.batch(1, "val", rows=rows) for rows in ((0, 2), (2, 3), (5, 2))]
    assert [len(p[0]) for p in parts] == [2, 1, 0]
    assert_joined(parts, sensor.batch(1, "val"))


def test_only_the_slice_is_read_if_no_joker_mixes_rows():
    read = []

    class WatchedSource(ArraySource):
        def gather(self, split, indices):
            read.append(len(indices))
            return super().gather(split, indices)

    for jokers in (by_row(), mixing()):
        sensor = Sensor(WatchedSource(IMAGES, NUMBERS), 12, jokers=jokers)
        sensor.setup()
        sensor.batch(0, rows=(3, 4))
        sensor.batch(0, augment=False, rows=(3, 4))
    assert read == [4, 4, 12, 4]


@pytest.mark.parametrize("rows", [(0, 0), (-1, 3), (9, 4), (0, 13)])
def test_rows_outside_of_the_batch_are_refused(rows):
    sensor = SENSORS["by row"]
    words = (
        f"sensor: rows=(start, count) must lie within the batch of 12 and count be >= 1. Received: rows={rows!r}"
    )
    with pytest.raises(DataError, match=re.escape(words)):
        sensor.batch(0, rows=rows)
    with pytest.raises(DataError, match=re.escape(words)):
        sensor.dataset("train", rows=rows)
