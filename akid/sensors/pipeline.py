"""The stages between the examples of a source and a batch for a brain: plan, read, prepare, cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from akid.backend import tf
from akid.blocks.random import Rows
from akid.blocks.trip import Trip
from akid.jokers.base import JokerSystem
from akid.sources.base import Source

#: ``[data, *labels]``
Batch = list[tf.Tensor]


@dataclass(frozen=True)
class Pipeline:
    """Gives a batch of one split, or some rows of it, bit by bit the same as in the whole batch.

    Attributes:
        source: where the examples are read.
        jokers: played in order.
        split: ``train``, ``val`` or ``test``.
        batch_size: rows of the global batch; of validation and test the last batch may have fewer.
        seed: of the jokers.
        augment: whether jokers play.
        rows: which rows are wanted; all if left out.
    """

    source: Source
    jokers: JokerSystem
    split: str
    batch_size: int
    seed: int = 0
    augment: bool = True
    rows: Rows | None = None

    def __call__(self, step: tf.Tensor, given: Sequence[tf.Tensor]) -> Batch:
        """The rows of the batch of a step.

        Args:
            step: scalar int64, the clock of the jokers.
            given: of the whole batch: its indices, int64 ``[batch]``, or the raw examples of a stream.
        """
        read, cut = self.plan()
        whole = self.batch_size if self._is_whole else tf.shape(given[0], out_type=tf.int64)[0]
        batch = self.prepare(self.read(given, read), step, read, whole)
        return [self._slice(tensor, cut) for tensor in batch]

    @property
    def _is_whole(self) -> bool:
        """Whether every batch has ``batch_size`` rows."""
        return self.split == "train"

    def plan(self) -> tuple[Rows | None, Rows | None]:
        """``(rows to read, rows to cut out at the end)``: a joker that mixes rows must see the whole batch."""
        mixes = self.augment and self.jokers.mixes_rows(self.split)
        return (None, self.rows) if mixes else (self.rows, None)

    def read(self, given: Sequence[tf.Tensor], rows: Rows | None) -> Batch:
        """Raw examples, by their indices; those of a stream have been read as a whole."""
        some = [self._slice(tensor, rows) for tensor in given]
        return self.source.gather(self.split, some[0]) if self.source.random_access else some

    def prepare(
        self, raw: Batch, step: int | tf.Tensor, rows: Rows | None = None, whole: int | tf.Tensor | None = None
    ) -> Batch:
        """Raw examples to what the brain is given: normalised, then played on.

        Args:
            raw: ``[data, *labels]`` as the source gives them.
            step: the clock of the jokers.
            rows: which rows of the global batch they are.
            whole: how many rows that has.
        """
        batch = [self.source.normalise(raw[0]), *raw[1:]]
        if not self.augment:
            return batch
        trip = Trip(self.split == "train", step, self.seed, rows, global_batch_size=whole)
        return self.jokers.play(batch, self.split, trip)

    def _slice(self, tensor: tf.Tensor, rows: Rows | None) -> tf.Tensor:
        """Rows of a batch: fewer, or none, where the last batch of a split ends before them."""
        if rows is None:
            return tensor
        start, count = rows
        part = tensor[start : start + count]
        return tf.ensure_shape(part, [count, *tensor.shape[1:]]) if self._is_whole else part
