"""Jokers that hide or mix: cutout, mixup."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.jokers.base import Joker, JokerOptions, image_shape, rows_of

#: Points at which the quantiles of Beta(alpha, alpha) are tabulated, evenly spaced over those of a normal
#: distribution from ``-_REACH`` to ``_REACH``: beyond that is half the grid of a uniform draw, 2^-24. Between the
#: outermost probabilities, evenly spaced, quantiles would be far from linear.
_POINTS, _REACH = 1025, 5.3


class CutoutJoker(Joker):
    """Sets a square of each image to zero (DeVries and Taylor, 2017, arXiv:1708.04552).

    The middle of the square is anywhere in the image with equal probability, so that it may lie partly outside.

    Args:
        size: of the square in pixels, or ``[height, width]``.
        **options: see `Joker`.
    """

    stem = "cutout"

    def __init__(self, size: int | Sequence[int] = 8, **options: Unpack[JokerOptions]) -> None:
        super().__init__(**options)
        self.size = self.check.pair("size", size)

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        height, width, _ = image_shape(data, self)
        middles = tf.cast(trip.random([rows_of(data), 2]) * [float(height), float(width)], tf.int32)
        rows = _hidden(height, self.size[0], middles[:, 0])
        columns = _hidden(width, self.size[1], middles[:, 1])
        hidden = tf.logical_and(rows[:, :, None, None], columns[:, None, :, None])
        return tf.where(hidden, tf.zeros([], data.dtype), data)


def _hidden(length: int, size: int, middles: tf.Tensor) -> tf.Tensor:
    """Which positions of an axis lie in the square of each row, bool ``[batch, length]``."""
    starts = middles[:, None] - size // 2
    positions = tf.range(length)
    return tf.logical_and(positions >= starts, positions < starts + size)


class MixupJoker(Joker):
    """Mixes each example with the one before it in the batch (Zhang et al., 2017, arXiv:1710.09412).

    ``share * x[i] + (1 - share) * x[i - 1]``, labels likewise; one share a batch, drawn from Beta(alpha, alpha).
    Labels that are class numbers ``[batch]`` become dense float32 ``[batch, class_num]``; use a loss that takes
    those. Labels that are floats are mixed as they are. Outside of training nothing is mixed, but labels become
    dense as well, so that a brain sees one kind. A worker that wants some rows of a batch reads it whole.

    Args:
        alpha: > 0; the smaller, the less is mixed.
        class_num: how many classes there are; a list if there are several labels. Only for class numbers.
        **options: see `Joker`; by default every split.
    """

    stem = "mixup"
    is_random = False
    mixes_rows = True

    def __init__(
        self, alpha: float = 0.2, class_num: int | Sequence[int] | None = None, **options: Unpack[JokerOptions]
    ) -> None:
        super().__init__(**options)
        self.alpha = self.check.number("alpha", alpha, above=0)
        several = () if class_num is None else class_num if isinstance(class_num, (list, tuple)) else (class_num,)
        self.class_num = tuple(self.check.integer("class_num", n, least=2) for n in several)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if not isinstance(x, list):
            raise BlockError(f"{self.name} changes labels too: it plays on [data, *labels]. Received: data alone")
        dense = [self._dense(label, i) for i, label in enumerate(x[1:])]
        batch = [tf.cast(x[0], tf.float32), *dense]
        if not trip.training:
            return batch
        share = self._share(trip)
        return [share * t + (1.0 - share) * _before(t) for t in batch]

    def _share(self, trip: Trip) -> tf.Tensor:
        """The quantile of Beta(alpha, alpha) at a uniform draw, from a table, linear between its points."""
        table = tf.constant(beta_quantiles(self.alpha), tf.float32)
        normal = math.sqrt(2.0) * tf.math.erfinv(2.0 * trip.random([1])[0] - 1.0)
        # No division: a graph would make this multiplication of it, and its last bits differ from eager code's.
        place = (tf.clip_by_value(normal, -_REACH, _REACH) + _REACH) * ((_POINTS - 1) / (2 * _REACH))
        index = tf.cast(place, tf.int32)
        rest = place - tf.cast(index, tf.float32)
        return (1.0 - rest) * table[index] + rest * table[tf.minimum(index + 1, _POINTS - 1)]

    def _dense(self, label: tf.Tensor, index: int) -> tf.Tensor:
        if label.dtype.is_floating:
            return tf.cast(label, tf.float32)
        if index >= len(self.class_num) or label.shape.rank != 1:
            raise BlockError(
                f"{self.name} needs class_num for each label that is a class number [batch]."
                f" Received: class_num={list(self.class_num)}, label {index} of shape {label.shape}"
            )
        return tf.one_hot(tf.cast(label, tf.int32), self.class_num[index])


def _before(batch: tf.Tensor) -> tf.Tensor:
    """Each row replaced by the one before it, the first by the last."""
    return tf.concat([batch[-1:], batch[:-1]], 0)


def beta_quantiles(alpha: float) -> np.ndarray:
    """Quantiles of Beta(alpha, alpha) at the probabilities of ``_POINTS`` normal ones, float64.

    The density is integrated up to the middle and mirrored: over ``v = x ** alpha``, where it has no pole, if
    alpha < 1, else over ``x`` and divided by its value in the middle, which keeps it from underflow.
    """
    power = min(alpha, 1.0)
    v = np.linspace(0.0, 0.5**power, 100_001)
    x = v ** (1.0 / power)
    density = (1.0 - x if alpha < 1.0 else 4.0 * x * (1.0 - x)) ** (alpha - 1.0)
    mass = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    normal = np.linspace(-_REACH, 0.0, _POINTS // 2 + 1)
    twice = np.array([math.erfc(-n / math.sqrt(2.0)) for n in normal])  # of the mass below the middle
    half = np.interp(twice, mass / mass[-1], v) ** (1.0 / power)
    return np.concatenate([half, 1.0 - half[-2::-1]])
