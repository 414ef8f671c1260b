"""Joker: plays jokes on the data, that is, augments or adjusts a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypedDict

from akid.backend import tf
from akid.blocks.block import Block, Signal
from akid.blocks.system import SequentialSystem
from akid.blocks.trip import Trip
from akid.errors import BlockError, blame, near_match
from akid.sources.base import SPLITS


class JokerOptions(TypedDict, total=False):
    """What every joker takes by name, see `Joker`."""

    splits: Sequence[str] | None
    name: str | None


class Joker(Block):
    """A function of a whole batch; works on ``[data, *labels]`` or on the data alone.

    The data come normalised by the source, as float32. A joker of your own is one short method, of the batch,
    never of one image::

        class NoiseJoker(Joker):
            def _joke(self, data, trip):
                return data + 0.1 * trip.random(tf.shape(data), "normal")

    or ``_forward([data, *labels], trip)`` if it changes labels too. Random numbers come from ``trip.random`` only,
    with the batch as the first dimension: then a batch is a function of its step, and a worker's slice of it is
    the same as in the whole. A joker that lets rows see each other sets ``mixes_rows``.

    Args:
        splits: where it plays: by default in training only if it is random, else in every split.
        name: see `Block`.
    """

    stem = "joker"
    #: Whether what it does is random; decides the default of ``splits``.
    is_random: ClassVar[bool] = True
    #: Whether a row of the result depends on other rows, so that a slice of the batch is not enough to make it.
    mixes_rows: ClassVar[bool] = False

    def __init__(self, splits: Sequence[str] | None = None, name: str | None = None) -> None:
        super().__init__(name)
        default = ("train",) if self.is_random else SPLITS
        self.splits = default if splits is None else self.check.texts("splits", splits)
        for split in self.splits:
            if split not in SPLITS:
                raise self.check.wrong(
                    "splits", f"a list of some of {SPLITS}", splits, near_match(str(split), SPLITS)
                )

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

    def playing(self, split: str) -> list[Joker]:
        """The jokers that play in this split."""
        return [j for j in self.blocks if isinstance(j, Joker) and split in j.splits]

    def mixes_rows(self, split: str) -> bool:
        """Whether one of them needs the whole batch."""
        return any(j.mixes_rows for j in self.playing(split))

    def play(self, batch: list[tf.Tensor], split: str, trip: Trip) -> list[tf.Tensor]:
        """Send ``[data, *labels]`` through the jokers that play in this split."""
        with trip.inside(self.name):
            for joker in self.playing(split):
                with blame(trip.full_name(joker.name)):
                    batch = joker(batch, trip)
        return batch


def image_shape(data: tf.Tensor, joker: Joker) -> tuple[int, int, int]:
    """``(height, width, channels)`` of images.

    Raises:
        BlockError: the data are no images ``[batch, height, width, channel]`` of a known size.
    """
    if data.shape.rank != 4 or None in tuple(data.shape[1:]):
        raise BlockError(
            f"{joker.name!r} plays on images [batch, height, width, channel] of a known size."
            f" Received: shape={data.shape}"
        )
    return tuple(data.shape[1:])


def like(data: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Floats as ``dtype``; rounded and clipped to its range if it is one of integers."""
    return tf.saturate_cast(tf.round(data), dtype) if dtype.is_integer else tf.cast(data, dtype)


def rows_of(data: tf.Tensor) -> tf.Tensor:
    """The number of rows of a batch."""
    return tf.shape(data, out_type=tf.int64)[0]
