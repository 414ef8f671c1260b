"""Dropout."""

from __future__ import annotations

from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.layers.options import LayerOptions
from akid.layers.tensor import TensorLayer


class DropoutLayer(TensorLayer):
    """In training, every element is kept with a chance and divided by it, else 0 (Srivastava et al., 2014).

    Args:
        keep_prob: the chance to be kept, in (0, 1].
        **options: see `ProcessingLayer`.
    """

    stem = "dropout"

    def __init__(self, keep_prob: float = 0.5, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.keep_prob = self.check.number("keep_prob", keep_prob, above=0, most=1)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if not trip.training or self.keep_prob == 1.0:
            return x
        kept = trip.random(tf.shape(x)) < self.keep_prob
        return tf.where(kept, x / self.keep_prob, tf.zeros_like(x))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"keep_prob": self.keep_prob}
