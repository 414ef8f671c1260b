"""Joker: plays jokes on the data, that is, augments or adjusts a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from akid.backend import tf
from akid.blocks import Block, Signal
from akid.sources.base import SPLITS
from akid.systems import SequentialSystem
from akid.trips import Trip


class Joker(Block):
    """A function of a whole batch; works on ``[data, *labels]`` or on the data alone.

    A subclass writes ``_joke(data, trip)``, or ``_forward([data, *labels], trip)`` if it changes labels too.
    Random numbers come from ``trip.random`` only, so that a batch is a function of its step.

    Args:
        splits: where it plays: by default in training only if it is random, else in every split.
        name: see `Block`.
    """

    stem = "joker"
    #: Whether what it does is random; decides the default of ``splits``.
    is_random: ClassVar[bool] = True

    def __init__(self, splits: Sequence[str] | None = None, name: str | None = None) -> None:
        super().__init__(name)
        default = ("train",) if self.is_random else SPLITS
        self.splits = default if splits is None else tuple(splits)

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        """The data, ``[batch, ...]``, changed."""
        raise NotImplementedError(f"{type(self).__name__} must define _joke(self, data, trip)")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if not isinstance(x, list):
            return self._joke(x, trip)
        return [self._joke(x[0], trip), *x[1:]]


class JokerSystem(SequentialSystem):
    """Jokers in a row."""

    stem = "jokers"
    accepts = Joker

    def play(self, batch: list[Any], split: str, trip: Trip) -> list[Any]:
        """Send ``[data, *labels]`` through the jokers that play in this split."""
        with trip.inside(self.name):
            for joker in self.blocks:
                if isinstance(joker, Joker) and split in joker.splits:
                    batch = joker(batch, trip)
        return batch


class PadJoker(Joker):
    """Pads images ``[batch, height, width, channel]`` with zeros.

    Args:
        padding: ``[rows above and below, columns left and right]``.
        splits, name: see `Joker`.
    """

    stem = "pad"
    is_random = False

    def __init__(
        self,
        padding: Sequence[int] = (4, 4),
        splits: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(splits, name)
        self.padding = tuple(padding)

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        high, wide = self.padding
        return tf.pad(data, [[0, 0], [high, high], [wide, wide], [0, 0]])
