"""Synapse layers: what learns weights. Convolution and inner product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from akid.arguments import Inputs, Padding, Size, at_least, one_of, pair
from akid.backend import tf
from akid.blocks.block import Constraint, Signal
from akid.blocks.initializers import Initializer
from akid.blocks.regularizers import Regularizer, note_decay
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.tensor import IMAGES, TensorLayer

Init = str | Mapping[str, Any] | Initializer
Decay = Mapping[str, Any] | Regularizer | None


class SynapseLayer(TensorLayer):
    """A layer with ``weights`` and ``biases``.

    Args:
        out_channel_num: how many outputs.
        init_para: initialiser of the weights: a name, or ``{"name": "uniform", "range": 0.005}``.
        initial_bias_value: of the biases; None for no biases.
        wd: weight decay, ``{"type": "l2", "scale": 5e-4}`` (``scale * sum(w^2) / 2``) or ``l1``
            (``scale * sum|w|``); noted as a loss of its own, ``<block>/wd``.
        wd_on_bias: whether the biases decay too.
        max_norm: the L2 norm that the weights into one output may have at most; enforced after every update.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    #: Axes of the weights that lead into one output.
    norm_axes: tuple[int, ...] = (0,)

    def __init__(
        self,
        out_channel_num: int = 32,
        init_para: Init = "truncated_normal",
        initial_bias_value: float | None = 0.0,
        wd: Decay = None,
        wd_on_bias: bool = False,
        max_norm: float | None = None,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.out_channel_num = at_least(out_channel_num, 1, f"{self.name}: out_channel_num")
        self.init = Initializer.of(init_para)
        self.initial_bias_value = initial_bias_value
        self.wd = Regularizer.of(wd)
        self.wd_on_bias = wd_on_bias
        self.max_norm = max_norm

    def _make(self, weight_shape: Sequence[int | None], bias_shape: Sequence[int | None]) -> None:
        constraint = None if self.max_norm is None else _ball(self.max_norm, self.norm_axes)
        self.weights = self.variable("weights", weight_shape, self.init, constraint=constraint)
        self.biases = None
        if self.initial_bias_value is not None:
            start = {"name": "constant", "value": self.initial_bias_value}
            self.biases = self.variable("biases", bias_shape, start)

    def _finish(self, out: tf.Tensor, trip: Trip) -> tf.Tensor:
        """Add the biases, and note the weight decay."""
        note_decay(trip, self.wd, self.weights, self.biases if self.wd_on_bias else None)
        return out if self.biases is None else tf.nn.bias_add(out, self.biases)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"out_channel_num": self.out_channel_num, "wd": self.wd, "max_norm": self.max_norm}


def _ball(radius: float, axes: tuple[int, ...]) -> Constraint:
    return lambda value: tf.clip_by_norm(value, radius, axes)


class ConvolutionLayer(SynapseLayer):
    """2-D convolution of images ``[batch, height, width, channel]``.

    Args:
        ksize: kernel, an int, ``[height, width]`` or the paper's ``[1, height, width, 1]``.
        strides: in the same forms.
        padding: ``SAME`` or ``VALID``.
        depthwise: each input channel has ``out_channel_num / in`` filters of its own.
        out_channel_num, init_para, initial_bias_value, wd, wd_on_bias, max_norm, name, inputs, dtype: see
            `SynapseLayer`.
    """

    stem = "conv"
    takes = IMAGES
    norm_axes = (0, 1, 2)

    def __init__(
        self,
        ksize: Size,
        strides: Size = 1,
        padding: Padding = "SAME",
        depthwise: bool = False,
        out_channel_num: int = 32,
        init_para: Init = "truncated_normal",
        initial_bias_value: float | None = 0.0,
        wd: Decay = None,
        wd_on_bias: bool = False,
        max_norm: float | None = None,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(
            out_channel_num,
            init_para,
            initial_bias_value,
            wd,
            wd_on_bias,
            max_norm,
            name,
            inputs,
            dtype=dtype,
        )
        self.ksize = pair(ksize, f"{self.name}: ksize")
        self.strides = pair(strides, f"{self.name}: strides")
        self.padding = one_of(padding, ("SAME", "VALID"), f"{self.name}: padding")
        self.depthwise = depthwise
        if depthwise:
            self.norm_axes = (0, 1)

    def _setup(self, x: Signal) -> None:
        channels = x.shape[-1]
        if not self.depthwise:
            self._make([*self.ksize, channels, self.out_channel_num], [self.out_channel_num])
            return
        if self.out_channel_num % channels:
            raise BlockError(
                f"{self.name}: a depthwise convolution needs out_channel_num to be a multiple of the input's"
                f" channels. Received: out_channel_num={self.out_channel_num}, channels={channels}"
            )
        self._make([*self.ksize, channels, self.out_channel_num // channels], [self.out_channel_num])

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        convolve = tf.nn.depthwise_conv2d if self.depthwise else tf.nn.conv2d
        out = convolve(x, self.weights, [1, *self.strides, 1], self.padding)
        return self._finish(out, trip)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, **super().options()}


class InnerProductLayer(SynapseLayer):
    """Every output is a weighted sum of all inputs; an image is flattened first.

    Args:
        out_channel_num, init_para, initial_bias_value, wd, wd_on_bias, max_norm, name, inputs, dtype: see
            `SynapseLayer`.
    """

    stem = "ip"

    def _setup(self, x: Signal) -> None:
        size = x.shape[1:].num_elements()
        self._make([size, self.out_channel_num], [self.out_channel_num])

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if x.shape.rank != 2:
            x = tf.reshape(x, [-1, self.weights.shape[0]])
        return self._finish(tf.matmul(x, self.weights), trip)
