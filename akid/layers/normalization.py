"""Normalisation layers that look at one example at a time: layer, group, L2, local response."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.options import LayerOptions
from akid.layers.tensor import IMAGES, SEQUENCES, VECTORS, VOLUMES, TensorLayer


class LayerNormalizationLayer(TensorLayer):
    """Every example's channels to mean 0 and variance 1, times gamma, plus beta (Ba et al., 2016).

    The statistics are over the last dimension: of a sequence, each time step has its own.

    Args:
        center: whether to add a learnt ``beta``.
        scale: whether to multiply by a learnt ``gamma``.
        eps: added to the variance.
        **options: see `ProcessingLayer`.
    """

    stem = "ln"

    def __init__(
        self, center: bool = True, scale: bool = True, eps: float = 1e-5, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.center, self.scale = self.check.flag("center", center), self.check.flag("scale", scale)
        self.eps = self.check.number("eps", eps, above=0)

    def _setup(self, x: Signal) -> None:
        channels = [x.shape[-1]]
        self.beta = self.variable("beta", channels) if self.center else None
        self.gamma = self.variable("gamma", channels, "ones") if self.scale else None

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        mean, variance = tf.nn.moments(x, -1, keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, self.eps)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"center": self.center, "scale": self.scale, "eps": self.eps}


class GroupNormalizationLayer(LayerNormalizationLayer):
    """Every example's groups of channels to mean 0 and variance 1, over all places (Wu and He, 2018).

    Args:
        group_num: how many groups; the channels must be a multiple of it. 1 is layer normalisation over all
            places, as many as there are channels is instance normalisation.
        center, scale, eps, **options: see `LayerNormalizationLayer`.
    """

    stem = "gn"
    takes = VECTORS | SEQUENCES | IMAGES | VOLUMES

    def __init__(
        self,
        group_num: int = 8,
        center: bool = True,
        scale: bool = True,
        eps: float = 1e-5,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(center, scale, eps, **options)
        self.group_num = self.check.integer("group_num", group_num)

    def _setup(self, x: Signal) -> None:
        if x.shape[-1] is None or x.shape[-1] % self.group_num:
            raise BlockError(
                f"{self.name}: the channels must be a multiple of group_num={self.group_num}."
                f" Received: shape={tuple(x.shape)}"
            )
        super()._setup(x)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        shape, channels = tf.shape(x), x.shape[-1]
        # The places are made one dimension; -1 cannot stand for them when the batch is empty.
        places = tf.reduce_prod(shape[1:-1])
        groups = tf.reshape(x, [shape[0], places, self.group_num, channels // self.group_num])
        mean, variance = tf.nn.moments(groups, [1, 3], keepdims=True)
        out = (groups - mean) * tf.math.rsqrt(variance + self.eps)
        out = tf.ensure_shape(tf.reshape(out, shape), x.shape)
        out = out if self.gamma is None else out * self.gamma
        return out if self.beta is None else out + self.beta

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"group_num": self.group_num, **super().options()}


class L2NormalizationLayer(TensorLayer):
    """``x / sqrt(max(sum(x^2), eps))`` over the last dimension.

    Args:
        eps: the least squared norm that is divided by.
        **options: see `ProcessingLayer`.
    """

    stem = "l2_norm"

    def __init__(self, eps: float = 1e-12, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.eps = self.check.number("eps", eps, above=0)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.math.l2_normalize(x, -1, self.eps)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"eps": self.eps}


class LRNLayer(TensorLayer):
    """Local response normalisation of images (Krizhevsky et al., 2012, section 3.3).

    ``x / (bias + alpha * s)^beta``, where s is the sum of the squares of the channels at most ``depth_radius``
    away; alpha is not divided by their number.

    Args:
        depth_radius, bias, alpha, beta: as above.
        **options: see `ProcessingLayer`.
    """

    stem = "lrn"
    takes = IMAGES

    def __init__(
        self,
        depth_radius: int = 4,
        bias: float = 1.0,
        alpha: float = 0.001 / 9.0,
        beta: float = 0.75,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.depth_radius = self.check.integer("depth_radius", depth_radius, least=0)
        # A bias of 0 would divide by 0 where all neighbours are 0.
        self.bias = self.check.number("bias", bias, above=0)
        self.alpha = self.check.number("alpha", alpha, least=0)
        self.beta = self.check.number("beta", beta, least=0)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if x.dtype != tf.float64:
            return tf.nn.lrn(x, self.depth_radius, self.bias, self.alpha, self.beta)
        # The kernel does not know float64: the sum over neighbours as a product with a band matrix.
        channel = np.arange(x.shape[-1])
        near = np.abs(channel[:, None] - channel[None]) <= self.depth_radius
        around = tf.tensordot(tf.square(x), tf.constant(near, x.dtype), 1)
        return x * (self.bias + self.alpha * around) ** -self.beta

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {
            "depth_radius": self.depth_radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }
