"""Activation layers: element-wise functions of the signal."""

from __future__ import annotations

from akid.backend import tf
from akid.blocks import ProcessingLayer, Signal
from akid.trips import Trip


class ReLULayer(ProcessingLayer):
    """``max(x, 0)``."""

    stem = "relu"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.relu(x)
