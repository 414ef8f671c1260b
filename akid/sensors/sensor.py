"""Sensor: what a Kid perceives. A batch is a function of (seed, step, split), wherever it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.checks import Check, optional
from akid.errors import DataError, near_match
from akid.jokers.base import Joker, JokerSystem
from akid.op_errors import data_errors
from akid.sensors.epochs import Epochs, order_from
from akid.sensors.replay import Replay
from akid.sources.base import ENDLESS, SPLITS, Source

#: ``[data, *labels]``
Batch = list[tf.Tensor]
#: ``(start, count)``: a worker's slice of the global batch.
Rows = tuple[int | tf.Tensor, int]


class Sensor:
    """Reads a source in batches and plays jokers on them (paper, section 3.2.1).

    The training batches run through one endless order, epoch after epoch, each epoch a permutation of its own:
    batch ``s`` holds the examples ``s * batch_size ...`` of it. All batches are whole, every example comes once
    an epoch, and a batch may span two epochs. Validation and test run in order, once; their last batch may be
    smaller. A source without random access (`DatasetSource`) gives its examples in its own order, and is read on
    from a step by skipping.

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
        check = Check("", DataError)
        key, chosen = check.one_given(source=source, source_in=source_in)
        if chosen is None:
            raise DataError("A Sensor needs a source. Received: source=None", argument="source")
        self.name = optional(check.text, "name", name) or "sensor"
        self.source = check.instance(key, chosen, Source)
        self.batch_size = check.integer("batch_size", batch_size)
        self.val_batch_size = optional(check.integer, "val_batch_size", val_batch_size) or self.batch_size
        self.shuffle = check.flag("shuffle", shuffle)
        self.seed = optional(check.integer, "seed", seed, least=None)
        self.jokers = JokerSystem("jokers").attach(*check.items("jokers", jokers))
        self._epochs: Epochs | None = None
        self._replays: dict[str, Replay] = {}

    def attach(self, *jokers: Joker) -> Self:
        """Add jokers, played after those that are there."""
        self.jokers.attach(*jokers)
        return self

    def setup(self, seed: int | None = None) -> None:
        """Load the source and fix the seed, each once.

        Args:
            seed: taken if the sensor has none; until one is given it is 0.

        Raises:
            DataError: the data are missing, or a batch is larger than its split.
        """
        if self.seed is None and seed is not None:
            self.seed, self._epochs = seed, None
        with data_errors():
            self.source.setup()
        size = self.source.size("train")
        if 0 < size < self.batch_size:
            raise DataError(
                f"{self.name}: batch_size must be at most the {size} training examples of"
                f" {self.source.name!r}. Received: batch_size={self.batch_size}",
                argument="batch_size",
            )

    @property
    def endless(self) -> bool:
        """Whether training examples have no known end, so that there are no epochs to count."""
        return self.size("train") == ENDLESS

    def size(self, split: str) -> int:
        """How many examples a split has; `akid.sources.base.ENDLESS` if there is no end.

        Raises:
            DataError: there is no such split, or the sensor is not set up.
        """
        if split not in SPLITS:
            raise DataError(
                f"split must be one of {SPLITS}. {near_match(split, SPLITS)} Received: split={split!r}"
            )
        if not self.source.ready:
            raise DataError(f"{self.name} is not set up: call {self.name}.setup() before it is asked for data.")
        return self.source.size(split)

    def num_batches(self, split: str) -> int:
        """Batches that cover a split, the last one maybe smaller."""
        return math.ceil(self.size(split) / self._batch_size(split))

    def batch(
        self,
        step: int | tf.Tensor,
        split: str = "train",
        augment: bool = True,
        rows: Rows | None = None,
    ) -> Batch:
        """The batch of a step; the same wherever it is called, in eager code or in a graph.

        Args:
            step: int or scalar int64 tensor; outside of a graph it is checked.
            split: ``train``, ``val`` or ``test``.
            augment: whether jokers play.
            rows: ``(start, count)``: only these rows of it, bit by bit the same as in the whole batch. A last,
                smaller batch of validation may leave a slice with fewer rows, or none.

        Raises:
            DataError: the split has no such batch; or a graph asks a source without random access.
        """
        self._check(step, split, rows)
        train = split == "train"
        read_rows, cut = self._plan(split, augment, rows)
        with data_errors():
            if self.source.random_access:
                step = tf.cast(step, tf.int64)
                raw = self.source.gather(split, self._indices(step, split, read_rows))
            else:
                raw = [_rows(t, read_rows, train) for t in self._replay(split).at(step)]
                step = tf.cast(step, tf.int64)
            batch = self._prepare(raw, step, split, augment, read_rows)
        return [_rows(t, cut, train) for t in batch]

    def signature(self) -> list[tf.TensorSpec]:
        """Shapes and dtypes of a batch, the batch dimension None."""
        raw = self.source.signature()
        with tf.Graph().as_default():
            signals = [tf.compat.v1.placeholder(s.dtype, s.shape) for s in raw]
            batch = self._prepare(signals, tf.constant(0, tf.int64), "train")
            return [tf.TensorSpec([None, *b.shape[1:]], b.dtype) for b in batch]

    def feed(self, split: str, step: int = 0, rows: Rows | None = None) -> Callable[[tf.Tensor], Batch]:
        """A function of the step that gives the batches from ``step`` on, for use inside a graph.

        For data in memory that is `batch` itself; other sources are read ahead by ``tf.data``, and the function
        must then be called with consecutive steps.
        """
        if self.source.in_memory:
            if split == "train":
                self._order()  # now: a graph in which variables are made is traced twice
            return lambda s: self.batch(s, split, rows=rows)
        iterator = iter(self.dataset(split, step, rows))
        return lambda s: list(next(iterator))

    def dataset(self, split: str, step: int = 0, rows: Rows | None = None) -> tf.data.Dataset:
        """The batches from ``step`` on as a ``tf.data`` pipeline; endless for training.

        Raises:
            DataError: the split has no such batch.
        """
        self._check(step, split, rows)
        train = split == "train"
        read_rows, cut = self._plan(split, True, rows)
        parallel = 2 if self.source.in_memory else tf.data.AUTOTUNE

        @tf.autograph.experimental.do_not_convert
        def read(step: tf.Tensor, given: Any) -> tuple[Any, ...]:
            raw = [_rows(t, read_rows, train) for t in tf.nest.flatten(given)]
            raw = self.source.gather(split, raw[0]) if self.source.random_access else raw
            return tuple(_rows(t, cut, train) for t in self._prepare(raw, step, split, True, read_rows))

        steps = tf.data.Dataset.range(step, tf.int64.max)
        numbered = tf.data.Dataset.zip((steps, self._examples(split, step)))
        return numbered.map(read, num_parallel_calls=parallel, deterministic=True).prefetch(2)

    def batches(self, split: str) -> Iterator[Batch]:
        """Every batch of a split once, in eager code."""
        feed = self.feed(split)
        for step in range(self.num_batches(split)):
            with data_errors():
                batch = feed(tf.constant(step, tf.int64))
            yield batch

    def data(self, step: int = 0, split: str = "train") -> tf.Tensor:
        """The data of a batch (paper, section 3.1.1)."""
        return self.batch(step, split)[0]

    def labels(self, step: int = 0, split: str = "train") -> Any:
        """The labels of a batch: a tensor, or a list of them if there are several."""
        labels = self.batch(step, split)[1:]
        return labels[0] if len(labels) == 1 else labels

    def _batch_size(self, split: str) -> int:
        return self.batch_size if split == "train" else self.val_batch_size

    def _check(self, step: int | tf.Tensor, split: str, rows: Rows | None) -> None:
        """Raises a DataError if the split has no such batch, or the batch no such rows."""
        total, whole = self.num_batches(split), self._batch_size(split)
        if total == 0:
            raise DataError(f"{self.name}: {self.source.name!r} has no {split!r} examples.")
        last = ENDLESS if split == "train" else total - 1
        known = tf.get_static_value(step) if tf.is_tensor(step) else step
        if known is not None and not 0 <= known <= last:
            bound = "" if split == "train" else f" and at most {last}, the last batch of {split!r}"
            raise DataError(f"{self.name}: step must be >= 0{bound}. Received: step={known}")
        if rows is None:
            return
        start, count = rows
        first = start if isinstance(start, int) else 0
        if count < 1 or first < 0 or first + count > whole:
            raise DataError(
                f"{self.name}: rows=(start, count) must lie within the batch of {whole} and count be >= 1."
                f" Received: rows={rows!r}"
            )

    def _plan(self, split: str, augment: bool, rows: Rows | None) -> tuple[Rows | None, Rows | None]:
        """``(rows to read, rows to cut out at the end)``: a joker that mixes rows must see the whole batch."""
        return (None, rows) if augment and self.jokers.mixes_rows(split) else (rows, None)

    def _rows_in(self, step: tf.Tensor, split: str) -> int | tf.Tensor | None:
        """The rows of the whole batch of a step; None if only reading tells."""
        if split == "train":
            return self.batch_size
        if not self.source.random_access:
            return None
        left = tf.constant(self.size(split), tf.int64) - step * self.val_batch_size
        return tf.clip_by_value(left, 0, self.val_batch_size)

    def _indices(self, step: tf.Tensor, split: str, rows: Rows | None) -> tf.Tensor:
        size, whole = self.size(split), self._batch_size(split)
        start, count = (0, whole) if rows is None else rows
        first = step * whole + tf.cast(start, tf.int64)
        if split != "train":
            return tf.range(tf.minimum(first, size), tf.minimum(first + count, size))
        return self._order().indices(first, count)

    def _order(self) -> Epochs:
        """The order of the training examples."""
        if self._epochs is None:
            with tf.init_scope():
                self._epochs = Epochs(self.size("train"), self.seed or 0, self.shuffle)
        return self._epochs

    def _prepare(
        self, raw: Batch, step: tf.Tensor, split: str, augment: bool = True, rows: Rows | None = None
    ) -> Batch:
        """Raw examples to what the brain is given: normalised, then played on."""
        batch = [self.source.normalise(raw[0]), *raw[1:]]
        if not augment:
            return batch
        place = (0 if rows is None else rows[0], self._rows_in(step, split))
        return self.jokers.play(batch, split, Trip(split == "train", step, self.seed or 0, place))

    def _examples(self, split: str, step: int) -> tf.data.Dataset:
        """From batch ``step`` on: the indices of each batch, or the raw batches of a stream."""
        train, size, whole = split == "train", self.size(split), self._batch_size(split)
        if not self.source.random_access:
            return self.source.stream(split, step * whole).batch(whole, drop_remainder=train)
        if not train:
            return tf.data.Dataset.range(size).batch(whole).skip(step)
        order = order_from(size, self.seed or 0, self.shuffle, step * whole)
        return order.batch(whole, drop_remainder=True)

    def _replay(self, split: str) -> Replay:
        if split not in self._replays:
            self._replays[split] = Replay(self.source.name, lambda step: iter(self._examples(split, step)))
        return self._replays[split]


def _rows(tensor: tf.Tensor, rows: Rows | None, whole: bool) -> tf.Tensor:
    """The slice of a batch; maybe shorter if the batch is not whole."""
    if rows is None:
        return tensor
    start, count = rows
    part = tensor[start : start + count]
    return tf.ensure_shape(part, [count, *tensor.shape[1:]]) if whole else part


class FeedSensor(Sensor):
    """The paper's name for a sensor of data in memory."""
