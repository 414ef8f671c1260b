"""Activation layers: element-wise functions of the signal, and the softmax of its last dimension."""

from __future__ import annotations

import math
from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.layers.options import LayerOptions
from akid.layers.tensor import TensorLayer


class ReLULayer(TensorLayer):
    """``max(x, 0)``."""

    stem = "relu"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.relu(x)


class LeakyReLULayer(TensorLayer):
    """``max(x, slope * x)`` (Maas et al., 2013).

    Args:
        slope: of the negative half, in [0, 1].
        **options: see `ProcessingLayer`.
    """

    stem = "leaky_relu"

    def __init__(self, slope: float = 0.2, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.slope = self.check.number("slope", slope, least=0, most=1)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if x.dtype == tf.float64:  # the op keeps its slope as float32
            return tf.maximum(x, x * tf.constant(self.slope, x.dtype))
        return tf.nn.leaky_relu(x, self.slope)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"slope": self.slope}


class ELULayer(TensorLayer):
    """``x`` if positive, else ``exp(x) - 1`` (Clevert et al., 2016, with alpha = 1)."""

    stem = "elu"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.elu(x)


class SELULayer(TensorLayer):
    """The scaled ELU that keeps mean 0 and variance 1 (Klambauer et al., 2017, equation 2)."""

    stem = "selu"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.selu(x)


class GELULayer(TensorLayer):
    """``x`` times the normal distribution function of ``x`` (Hendrycks and Gimpel, 2016).

    Args:
        approximate: use the paper's formula by tanh.
        **options: see `ProcessingLayer`.
    """

    stem = "gelu"

    def __init__(self, approximate: bool = False, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.approximate = self.check.flag("approximate", approximate)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        # As tf.nn.gelu, whose constants are of float32 whatever x is.
        if self.approximate:
            cubic = tf.constant(0.044715, x.dtype) * tf.pow(x, 3)
            return 0.5 * x * (1.0 + tf.tanh(math.sqrt(2.0 / math.pi) * (x + cubic)))
        return 0.5 * x * tf.math.erfc(-x * tf.constant(math.sqrt(0.5), x.dtype))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"approximate": self.approximate or None}


class SiLULayer(TensorLayer):
    """``x * sigmoid(x)``, also called swish (Elfwing et al., 2018)."""

    stem = "silu"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.silu(x)


class SigmoidLayer(TensorLayer):
    """``1 / (1 + exp(-x))``."""

    stem = "sigmoid"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.sigmoid(x)


class TanhLayer(TensorLayer):
    """The hyperbolic tangent."""

    stem = "tanh"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.tanh(x)


class SoftplusLayer(TensorLayer):
    """``log(1 + exp(x))``."""

    stem = "softplus"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.softplus(x)


class SoftmaxLayer(TensorLayer):
    """``exp(x) / sum(exp(x))`` over the last dimension."""

    stem = "softmax"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.nn.softmax(x)
