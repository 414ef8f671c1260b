"""Sensor: what a Kid perceives. A batch is a function of (seed, step, split), wherever it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from akid.backend import tf
from akid.epochs import Epochs, order_from
from akid.errors import DataError, near_match
from akid.jokers.base import Joker, JokerSystem
from akid.sources.base import SPLITS, Source
from akid.trips import Trip

#: ``[data, *labels]``
Batch = list[tf.Tensor]


class Sensor:
    """Reads a source in batches and plays jokers on them (paper, section 3.2.1).

    The training batches run through one endless order, epoch after epoch, each epoch a permutation of its own:
    batch ``s`` holds the examples ``s * batch_size ...`` of it. All batches are whole, every example comes once
    an epoch, and a batch may span two epochs. Validation and test run in order, once; their last batch may be
    smaller.

    Args:
        source: where the examples come from; the paper's ``source_in`` is accepted too.
        batch_size: examples a training step; with several devices the global number.
        val_batch_size: examples a step of validation and test; ``batch_size`` if left out.
        jokers: played in order on every batch of the splits they name.
        shuffle: whether training batches are shuffled.
        seed: of the order and the jokers; the Kid's if left out.
        name: of the sensor.
    """

    def __init__(
        self,
        source: Source | None = None,
        batch_size: int = 100,
        val_batch_size: int | None = None,
        jokers: Sequence[Joker] = (),
        shuffle: bool = True,
        seed: int | None = None,
        name: str | None = None,
        *,
        source_in: Source | None = None,
    ) -> None:
        chosen = source if source is not None else source_in
        if chosen is None:
            raise DataError("A Sensor needs a source. Received: source=None")
        for key, size in (("batch_size", batch_size), ("val_batch_size", val_batch_size)):
            if size is not None and size < 1:
                raise DataError(f"{key} must be >= 1. Received: {key}={size!r}")
        self.name = name or "sensor"
        self.source = chosen
        self.batch_size = batch_size
        self.val_batch_size = val_batch_size or batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.jokers = JokerSystem("jokers").attach(list(jokers))
        self._epochs: Epochs | None = None

    def attach(self, *jokers: Joker) -> Self:
        """Add jokers, played after those that are there."""
        self.jokers.attach(*jokers)
        return self

    def setup(self, seed: int = 0) -> None:
        """Load the source and fix the seed, once.

        Args:
            seed: taken if the sensor was not given one.

        Raises:
            DataError: the data are missing, or a batch is larger than its split.
        """
        self.seed = seed if self.seed is None else self.seed
        self.source.setup()
        size = self.source.size("train")
        if 0 < size < self.batch_size:
            raise DataError(
                f"{self.name}: batch_size must be at most the {size} training examples of"
                f" {self.source.name!r}. Received: batch_size={self.batch_size}"
            )

    def size(self, split: str) -> int:
        """How many examples a split has.

        Raises:
            DataError: there is no such split.
        """
        if split not in SPLITS:
            raise DataError(
                f"split must be one of {SPLITS}. {near_match(split, SPLITS)} Received: split={split!r}"
            )
        return self.source.size(split)

    def num_batches(self, split: str) -> int:
        """Batches that cover a split, the last one maybe smaller."""
        size = self.batch_size if split == "train" else self.val_batch_size
        return math.ceil(self.size(split) / size)

    def batch(self, step: int | tf.Tensor, split: str = "train", augment: bool = True) -> Batch:
        """The batch of a step; the same wherever it is called, in eager code or in a graph.

        Args:
            step: int or scalar int64 tensor.
            split: ``train``, ``val`` or ``test``.
            augment: whether jokers play.
        """
        step = tf.cast(step, tf.int64)
        indices = self._indices(step, split)
        return self._prepare(self.source.gather(split, indices), step, split, augment)

    def _indices(self, step: tf.Tensor, split: str) -> tf.Tensor:
        size = self.size(split)
        if split == "train":
            return self._order().indices(step * self.batch_size, self.batch_size)
        start = step * self.val_batch_size
        return tf.range(start, tf.minimum(start + self.val_batch_size, tf.constant(size, tf.int64)))

    def _order(self) -> Epochs:
        """The order of the training examples."""
        if self._epochs is None:
            with tf.init_scope():
                self._epochs = Epochs(self.size("train"), self.seed or 0, self.shuffle)
        return self._epochs

    def _prepare(self, raw: Batch, step: tf.Tensor, split: str, augment: bool = True) -> Batch:
        """Raw examples to what the brain is given: normalised, then played on."""
        batch = [self.source.normalise(raw[0]), *raw[1:]]
        if not augment:
            return batch
        trip = Trip(training=split == "train", step=step, seed=self.seed or 0)
        return self.jokers.play(batch, split, trip)

    def signature(self) -> list[tf.TensorSpec]:
        """Shapes and dtypes of a batch, the batch dimension None."""
        raw = self.source.signature()
        with tf.Graph().as_default():
            signals = [tf.compat.v1.placeholder(s.dtype, s.shape) for s in raw]
            batch = self._prepare(signals, tf.constant(0, tf.int64), "train")
            return [tf.TensorSpec([None, *b.shape[1:]], b.dtype) for b in batch]

    def feed(self, split: str, step: int = 0) -> Callable[[tf.Tensor], Batch]:
        """A function of the step that gives the batches from ``step`` on, for use inside a graph.

        For data in memory that is `batch` itself; other sources are read ahead by ``tf.data``, and the function
        must then be called with consecutive steps.
        """
        if self.source.in_memory:
            self._order()  # now: a graph in which variables are made is traced twice
            return lambda s: self.batch(s, split)
        iterator = iter(self.dataset(split, step))
        return lambda s: list(next(iterator))

    def dataset(self, split: str, step: int = 0) -> tf.data.Dataset:
        """The batches from ``step`` on as a ``tf.data`` pipeline; endless for training."""
        size = self.size(split)
        if split == "train":
            order = order_from(size, self.seed or 0, self.shuffle, step * self.batch_size)
            indices = order.batch(self.batch_size)
        else:
            indices = tf.data.Dataset.range(size).batch(self.val_batch_size).skip(step)
        steps = tf.data.Dataset.range(step, tf.int64.max)

        def read(step: tf.Tensor, indices: tf.Tensor) -> tuple[Any, ...]:
            return tuple(self._prepare(self.source.gather(split, indices), step, split))

        ready = tf.data.Dataset.zip((steps, indices)).map(read, num_parallel_calls=2)
        return ready.prefetch(2)

    def batches(self, split: str) -> Iterator[Batch]:
        """Every batch of a split once, in eager code."""
        feed = self.feed(split)
        for step in range(self.num_batches(split)):
            yield feed(tf.constant(step, tf.int64))

    def data(self, step: int = 0, split: str = "train") -> tf.Tensor:
        """The data of a batch (paper, section 3.1.1)."""
        return self.batch(step, split)[0]

    def labels(self, step: int = 0, split: str = "train") -> Any:
        """The labels of a batch: a tensor, or a list of them if there are several."""
        labels = self.batch(step, split)[1:]
        return labels[0] if len(labels) == 1 else labels


class FeedSensor(Sensor):
    """The paper's name for a sensor of data in memory."""
