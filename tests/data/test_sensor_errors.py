"""What sensors refuse, and in which words; streams, which can only be read forward."""

from __future__ import annotations

import re

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import BlockError, DataError, WiringError
from akid.jokers import FlipJoker
from akid.layers import ReLULayer
from akid.sensors import Sensor
from akid.sensors.replay import Replay
from akid.sources import ArraySource
from akid.sources.base import ENDLESS, Source


def source(size=10, **options):
    return ArraySource(np.arange(float(size), dtype=np.float32), np.arange(size), split_seed=None, **options)


def ready(batch_size=4, **options):
    sensor = Sensor(source(**options), batch_size)
    sensor.setup()
    return sensor


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Sensor(), DataError, "A Sensor needs a source. Received: source=None"),
        (lambda: Sensor(source(), 0), DataError, "batch_size must be an integer >= 1. Received: batch_size=0"),
        (
            lambda: Sensor(source(), 4, val_batch_size=-1),
            DataError,
            "val_batch_size must be an integer >= 1. Received: val_batch_size=-1",
        ),
        (
            lambda: Sensor(source(), jokers=[FlipJoker(name="mirror"), FlipJoker(name="mirror")]),
            WiringError,
            "'jokers': a block called 'mirror' is attached already; names must be unique in a system.",
        ),
        (
            lambda: Sensor(source(), jokers=[ReLULayer(name="relu")]),
            BlockError,
            "JokerSystem 'jokers' is made of Jokers. Received:",
        ),
        (
            lambda: ready(batch_size=11),
            DataError,
            "sensor: batch_size must be at most the 10 training examples of 'ArraySource'."
            " Received: batch_size=11",
        ),
        (
            lambda: Sensor(source(), name="eye").batch(0),
            DataError,
            "eye is not set up: call eye.setup() before it is asked for data.",
        ),
        (lambda: Sensor(source()).feed("train"), DataError, "sensor is not set up"),
        (
            lambda: ready().batch(0, "valid"),
            DataError,
            "split must be one of ('train', 'val', 'test'). Did you mean 'val'? Received: split='valid'",
        ),
        (lambda: ready().dataset("tset"), DataError, "Did you mean 'test'? Received: split='tset'"),
        (lambda: ready().batch(0, "val"), DataError, "sensor: 'ArraySource' has no 'val' examples."),
        (lambda: ready(num_train=0).batch(0), DataError, "sensor: 'ArraySource' has no 'train' examples."),
        (lambda: ready().batch(-1), DataError, "sensor: step must be >= 0. Received: step=-1"),
        (lambda: ready().dataset("train", -1), DataError, "sensor: step must be >= 0. Received: step=-1"),
        (
            lambda: ready(num_val=5).batch(2, "val"),
            DataError,
            "sensor: step must be >= 0 and at most 1, the last batch of 'val'. Received: step=2",
        ),
        (
            lambda: ready(num_val=5).batch(np.int64(2), "val"),
            DataError,
            "the last batch of 'val'. Received: step=2",
        ),
        (
            lambda: ready(num_val=5).batch(tf.constant(2), "val"),
            DataError,
            "the last batch of 'val'. Received: step=2",
        ),
        (lambda: ready(num_val=5).dataset("val", 2), DataError, "the last batch of 'val'. Received: step=2"),
    ],
)
def test_a_sensor_says_what_is_wrong(make, error, words):
    with pytest.raises(error, match=re.escape(words)):
        make()


class Stream(Source):
    """The numbers from 0 on for training, six of them for validation."""

    random_access = in_memory = False
    begun = 0

    def _setup(self):
        pass

    def size(self, split):
        return ENDLESS if split == "train" else 6

    def signature(self):
        return [tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.int64)]

    def stream(self, split, skip):
        self.begun += 1
        numbers = tf.data.Dataset.range(skip, ENDLESS if split == "train" else 6)
        return numbers.map(lambda n: (tf.cast(n, tf.float32), n))


def stream_sensor():
    sensor = Sensor(Stream(), 4)
    sensor.setup()
    return sensor


def test_a_stream_is_read_on_and_begun_again_only_to_go_back():
    sensor = stream_sensor()
    assert sensor.endless
    steps = [0, 1, 2, 2, 5, 6, 3, 4]
    assert [sensor.labels(s).numpy().tolist() for s in steps] == [list(range(4 * s, 4 * s + 4)) for s in steps]
    assert sensor.source.begun == 3
    assert sensor.batch(1, rows=(1, 2))[1].numpy().tolist() == [5, 6]


def test_a_stream_is_fed_from_any_step():
    sensor = stream_sensor()
    feed = sensor.feed("train", 3, rows=(2, 2))
    assert [feed(tf.constant(s, tf.int64))[1].numpy().tolist() for s in (3, 4)] == [[14, 15], [18, 19]]
    assert [b[1].numpy().tolist() for b in sensor.batches("val")] == [[0, 1, 2, 3], [4, 5]]


def test_a_stream_has_no_batch_by_step_inside_a_graph():
    sensor = stream_sensor()
    words = (
        "'Stream' is a stream without random access: inside a graph use sensor.feed(split) or"
        " sensor.dataset(split) instead of sensor.batch(step)."
    )
    with pytest.raises(DataError, match=re.escape(words)):
        tf.function(sensor.batch, autograph=False)(tf.constant(0, tf.int64))


def test_a_stream_that_ends_early_says_so():
    replay = Replay("numbers", lambda step: iter([[tf.constant(i)] for i in range(step, 3)]))
    assert replay.at(2)[0] == 2
    with pytest.raises(DataError, match=re.escape("'numbers' has ended before batch 3.")):
        replay.at(3)
