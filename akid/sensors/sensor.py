"""Sensor: what a Kid perceives. A batch is a function of (seed, step, split), wherever it is asked for."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from akid.backend import tf
from akid.blocks.random import Rows
from akid.checks import Check, optional
from akid.errors import DataError, near_match
from akid.jokers.base import Joker, JokerSystem
from akid.op_errors import data_errors
from akid.sensors.epochs import Epochs, order_from
from akid.sensors.pipeline import Batch, Pipeline
from akid.sensors.reader import Reader, until_the_end
from akid.sensors.replay import Replay
from akid.sources.base import ENDLESS, SPLITS, Source

logger = logging.getLogger(__name__)


class Sensor:
    """Reads a source in batches and plays jokers on them (paper, section 3.2.1).

    The training batches run through one endless order, epoch after epoch, each epoch a permutation of its own:
    batch ``s`` holds the examples ``s * batch_size ...`` of it. All batches are whole, every example comes once
    an epoch, and a batch may span two epochs. Validation and test run in order, once; their last batch may be
    smaller. A source without random access (`DatasetSource`) gives its examples in its own order, and is read on
    from a step by skipping.

    A worker or a replica asks for its ``rows=(start, count)`` of the global batch: bit by bit the same as in the
    whole batch, jokers included. ``start`` may be a scalar integer tensor, ``count`` is a Python int, so that
    shapes are known. A last, smaller batch of validation or test may leave fewer rows, or none.

    Args:
        source: where the examples come from; the paper's ``source_in`` is accepted too.
        batch_size: examples a training step; with several devices the global number.
        val_batch_size: examples a step of validation and test; ``batch_size`` if left out.
        jokers: played in order on every batch of the splits they name.
        shuffle: whether training batches are shuffled.
        seed: of the order and the jokers; the Kid's if left out, each Kid's own if several share the sensor.
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
        self._has_own_seed = seed is not None
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

    def for_seed(self, seed: int) -> Self:
        """The sensor for a Kid of this seed: itself, or a twin if it took the seed of another Kid before.

        The twin shares the source and the jokers.
        """
        if self._has_own_seed or self.seed in (None, seed):
            return self
        twin = copy.copy(self)
        twin.seed, twin._epochs, twin._replays = seed, None, {}
        return twin

    @property
    def endless(self) -> bool:
        """Whether training examples have no known end, so that there are no epochs to count."""
        return self.size("train") == ENDLESS

    @property
    def sliceable(self) -> bool:
        """Whether workers can share a batch, each reading only its own rows, and any step in any order.

        Without random access the rows are cut out of the whole batch, which every worker reads; and they fit
        together only if the source gives the same order to each of its readers, which a pipeline that shuffles
        does not.
        """
        return self.source.random_access

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
            rows: ``(start, count)``: only these rows of it.

        Raises:
            DataError: the split has no such batch; or a graph asks a source without random access.
        """
        self._check(step, split, rows)
        step = tf.cast(step, tf.int64)
        with data_errors():
            random_access = self.source.random_access
            given = [self._indices(step, split)] if random_access else self._replay(split).at(step)
            return self._pipeline(split, rows, augment)(step, given)

    def signature(self) -> list[tf.TensorSpec]:
        """Shapes and dtypes of a batch, the batch dimension None."""
        _, batch = self._traced()
        return [tf.TensorSpec([None, *b.shape[1:]], b.dtype) for b in batch]

    def source_signals(self) -> list[int | None]:
        """For each signal of a training batch which of the source's it is, unchanged; None for what was made."""
        given, batch = self._traced()
        places = {id(signal): place for place, signal in enumerate(given)}
        return [places.get(id(signal)) for signal in batch]

    def _traced(self) -> tuple[Batch, Batch]:
        """The source's signals, and what becomes of them in a training batch, in a graph of their own."""
        with tf.Graph().as_default():
            given = [tf.compat.v1.placeholder(s.dtype, s.shape) for s in self.source.signature()]
            return given, self._pipeline("train").prepare(given, tf.constant(0, tf.int64))

    def feed(self, split: str, step: int = 0, rows: Rows | None = None) -> Callable[[tf.Tensor], Batch]:
        """A function of the step that gives the batches from ``step`` on, for use inside a graph.

        For data in memory that is `batch` itself; other sources are read ahead by ``tf.data``, and the function
        must then be called with consecutive steps, and ``rows`` cannot be of a graph.
        """
        if self.source.in_memory:
            if split == "train":
                self._order()  # now: a graph in which variables are made is traced twice
            return lambda s: self.batch(s, split, rows=rows)
        batches = self.dataset(split, step, rows)
        reader = iter(batches) if self.sliceable else Reader(batches)
        return lambda s: list(next(reader))

    def dataset(self, split: str, step: int = 0, rows: Rows | None = None) -> tf.data.Dataset:
        """The batches from ``step`` on as a ``tf.data`` pipeline; endless for training.

        Raises:
            DataError: the split has no such batch.
        """
        self._check(step, split, rows)
        if rows is not None and not self.sliceable:
            logger.warning(
                "%s has no random access: the whole batch is read for rows=%r of it", self.source.name, rows
            )
        pipeline = self._pipeline(split, rows)
        parallel = 2 if self.source.in_memory else tf.data.AUTOTUNE

        @tf.autograph.experimental.do_not_convert
        def prepared(step: tf.Tensor, given: tf.Tensor | tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            return tuple(pipeline(step, tf.nest.flatten(given)))

        steps = tf.data.Dataset.range(step, tf.int64.max)
        numbered = tf.data.Dataset.zip((steps, self._examples(split, step)))
        return numbered.map(prepared, num_parallel_calls=parallel, deterministic=True).prefetch(2)

    def batches(self, split: str) -> Iterator[Batch]:
        """Every batch of a split once, in eager code."""
        feed = self.feed(split)
        for step in range(self.num_batches(split)):
            with data_errors():
                batch = feed(tf.constant(step, tf.int64))
            yield batch

    def draw(self, step: tf.Tensor) -> list[tf.Tensor]:
        """What another process makes the training batch of a step from, with `drawn`.

        Of data in memory their indices, int64 ``[batch]``, since it may have the data already; else the batch.
        """
        return [self._indices(step, "train")] if self.source.in_memory else self.batch(step)

    def drawn(self, step: tf.Tensor, given: Batch) -> Batch:
        """The training batch of a step, in a graph; from what `draw` gave."""
        return self._pipeline("train")(step, given) if self.source.in_memory else given

    def data(self, step: int = 0, split: str = "train") -> tf.Tensor:
        """The data of a batch (paper, section 3.1.1)."""
        return self.batch(step, split)[0]

    def labels(self, step: int = 0, split: str = "train") -> tf.Tensor | list[tf.Tensor]:
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

    def _pipeline(self, split: str, rows: Rows | None = None, augment: bool = True) -> Pipeline:
        return Pipeline(self.source, self.jokers, split, self._batch_size(split), self.seed or 0, augment, rows)

    def _indices(self, step: tf.Tensor, split: str) -> tf.Tensor:
        """The examples of the whole batch of a step, int64 ``[batch]``."""
        size, whole = self.size(split), self._batch_size(split)
        first = step * whole
        if split != "train":
            return tf.range(tf.minimum(first, size), tf.minimum(first + whole, size))
        return self._order().indices(first, whole)

    def _order(self) -> Epochs:
        """The order of the training examples."""
        if self._epochs is None:
            with tf.init_scope():
                self._epochs = Epochs(self.size("train"), self.seed or 0, self.shuffle)
        return self._epochs

    def _examples(self, split: str, step: int) -> tf.data.Dataset:
        """From batch ``step`` on: the indices of each batch, or the raw batches of a stream."""
        train, size, whole = split == "train", self.size(split), self._batch_size(split)
        if not self.source.random_access:
            return until_the_end(self.source.stream(split, step * whole).batch(whole, drop_remainder=train))
        if not train:
            return tf.data.Dataset.range(size).batch(whole).skip(step)
        order = order_from(size, self.seed or 0, self.shuffle, step * whole)
        return order.batch(whole, drop_remainder=True)

    def _replay(self, split: str) -> Replay:
        if split not in self._replays:
            self._replays[split] = Replay(self.source.name, lambda step: Reader(self._examples(split, step)))
        return self._replays[split]


class FeedSensor(Sensor):
    """The paper's name for a sensor of data in memory."""
