"""A crop, flip, normalise pipeline: jokers on batches against the usual per-image ``tf.data`` form."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from akid.backend import tf
from akid.jokers import CropJoker, FlipJoker
from akid.sensors import Sensor
from akid.sources import ArraySource
from tests.benchmarks.rows import Row

_EXAMPLES, _BATCH, _STEPS, _ROUNDS = 20_000, 128, 150, 7


def _per_image(images: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    """As the tutorials have it: shuffle, then map crop, flip and normalise over single images, then batch."""

    def augment(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.image.resize_with_crop_or_pad(image, 40, 40)
        return tf.image.random_flip_left_right(tf.image.random_crop(image, [32, 32, 3])), label

    def normalise(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(image, tf.float32) / 255.0 - 0.5, label

    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(_EXAMPLES).repeat()
    for function in (augment, normalise):
        data = data.map(function, num_parallel_calls=tf.data.AUTOTUNE)
    data = data.batch(_BATCH).prefetch(tf.data.AUTOTUNE)

    def run() -> float:
        # A new iterator a round, gone after it: its threads must not read ahead while the other form is timed.
        iterator = iter(data)
        next(iterator)
        start = time.perf_counter()
        for _ in range(_STEPS):
            next(iterator)
        return time.perf_counter() - start

    return run


def _jokers(images: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    """The sensor in the graph of a block of steps, as an engine has it."""
    jokers = [CropJoker(32, 32, padding=4), FlipJoker()]
    sensor = Sensor(ArraySource(images, labels, center=True, scale=True), _BATCH, jokers=jokers)
    sensor.setup()
    feed = sensor.feed("train")

    @tf.function(autograph=False)
    def steps(first: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return i + 1, total + feed(i)[0][0, 0, 0, 0]

        return tf.while_loop(lambda i, _: i < first + _STEPS, body, (first, 0.0), parallel_iterations=1)[1]

    state = {"step": 0}

    def run() -> float:
        start = time.perf_counter()
        steps(tf.constant(state["step"], tf.int64)).numpy()
        state["step"] += _STEPS
        return time.perf_counter() - start

    return run


def run() -> list[Row]:
    """The ratios of interleaved rounds."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (_EXAMPLES, 32, 32, 3), np.uint8)
    labels = draw.integers(0, 10, _EXAMPLES, np.int32)
    theirs, ours = _per_image(images, labels), _jokers(images, labels)
    ours()
    ratios = [theirs() / ours() for _ in range(_ROUNDS)]
    return [Row("jokers (pad, crop, flip, normalise) / per-image tf.data", ratios, 4.0)]
