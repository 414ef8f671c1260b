"""Convolutions: of images, the transposed one, and of sequences."""

from __future__ import annotations

import math
from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.options import PADDINGS, Padding, Size, SynapseOptions
from akid.layers.synapse import SynapseLayer
from akid.layers.tensor import IMAGES, SEQUENCES, check_window


class ConvolutionLayer(SynapseLayer):
    """2-D convolution of images ``[batch, height, width, channel]``.

    Args:
        ksize: kernel, an int, ``[height, width]`` or the paper's ``[1, height, width, 1]``.
        strides: in the same forms.
        padding: ``SAME`` or ``VALID``.
        depthwise: each input channel has ``out_channel_num / in`` filters of its own.
        **options: see `SynapseLayer`.
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
        **options: Unpack[SynapseOptions],
    ) -> None:
        super().__init__(**options)
        self.ksize = self.check.pair("ksize", ksize)
        self.strides = self.check.pair("strides", strides)
        self.padding = self.check.one_of("padding", padding, PADDINGS)
        self.depthwise = self.check.flag("depthwise", depthwise)
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
        filters, field = self.out_channel_num // channels, math.prod(self.ksize)
        fans = field, field * filters  # an output sees one channel
        self._make([*self.ksize, channels, filters], [self.out_channel_num], fans)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        check_window(self.ksize, self.padding, x, trip.path or self.name)
        convolve = tf.nn.depthwise_conv2d if self.depthwise else tf.nn.conv2d
        out = convolve(x, self.weights, [1, *self.strides, 1], self.padding)
        return self._finish(out, trip)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, **super().options()}


class TransposedConvolutionLayer(SynapseLayer):
    """The gradient of a convolution as a layer: makes images larger, ``strides`` times with ``SAME``.

    Takes ``[batch, height, width, channel]``. With ``VALID`` the output's height is
    ``(height - 1) * stride + max(ksize, stride)``. The weights are ``[*ksize, out, in]``, as
    ``tf.nn.conv2d_transpose`` has them.

    Args:
        ksize: kernel, an int, ``[height, width]`` or the paper's ``[1, height, width, 1]``.
        strides: in the same forms.
        padding: ``SAME`` or ``VALID``, of the convolution that leads back.
        **options: see `SynapseLayer`.
    """

    stem = "deconv"
    takes = IMAGES
    norm_axes = (0, 1, 3)

    def __init__(
        self,
        ksize: Size,
        strides: Size = 1,
        padding: Padding = "SAME",
        **options: Unpack[SynapseOptions],
    ) -> None:
        super().__init__(**options)
        self.ksize = self.check.pair("ksize", ksize)
        self.strides = self.check.pair("strides", strides)
        self.padding = self.check.one_of("padding", padding, PADDINGS)

    def _setup(self, x: Signal) -> None:
        channels, field = x.shape[-1], math.prod(self.ksize)
        fans = None if channels is None else (field * channels, field * self.out_channel_num)
        self._make([*self.ksize, self.out_channel_num, channels], [self.out_channel_num], fans)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        shape = tf.shape(x)
        sizes = [self._length(x.shape[i + 1] or shape[i + 1], i) for i in (0, 1)]
        target = tf.stack([shape[0], *sizes, self.out_channel_num])
        out = tf.nn.conv2d_transpose(x, self.weights, target, [1, *self.strides, 1], self.padding)
        out.set_shape([x.shape[0], *(n if isinstance(n, int) else None for n in sizes), self.out_channel_num])
        return self._finish(out, trip)

    def _length(self, length: int | tf.Tensor, axis: int) -> int | tf.Tensor:
        """Height or width of the output; a tensor if that of the input is one."""
        if self.padding == "SAME":
            return length * self.strides[axis]
        return (length - 1) * self.strides[axis] + max(self.ksize[axis], self.strides[axis])

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, **super().options()}


class Convolution1DLayer(SynapseLayer):
    """Convolution of sequences ``[batch, time, channel]``.

    Args:
        ksize: length of the kernel.
        strides: step of the kernel.
        padding: ``SAME``, ``VALID``, or ``CAUSAL``: an output depends on no later input.
        dilation: distance of the inputs a kernel looks at; only with ``strides=1``.
        **options: see `SynapseLayer`.
    """

    stem = "conv"
    takes = SEQUENCES
    norm_axes = (0, 1)

    def __init__(
        self,
        ksize: int,
        strides: int = 1,
        padding: str = "SAME",
        dilation: int = 1,
        **options: Unpack[SynapseOptions],
    ) -> None:
        super().__init__(**options)
        self.ksize = self.check.integer("ksize", ksize)
        self.strides = self.check.integer("strides", strides)
        self.dilation = self.check.integer("dilation", dilation)
        self.padding = self.check.one_of("padding", padding, (*PADDINGS, "CAUSAL"))
        if self.dilation > 1 and self.strides > 1:
            raise BlockError(
                f"{self.name}: dilation and strides cannot both be > 1."
                f" Received: dilation={dilation}, strides={strides}"
            )

    def _setup(self, x: Signal) -> None:
        self._make([self.ksize, x.shape[-1], self.out_channel_num], [self.out_channel_num])

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        padding = self.padding
        check_window([(self.ksize - 1) * self.dilation + 1], padding, x, trip.path or self.name)
        if padding == "CAUSAL":
            x = tf.pad(x, [[0, 0], [(self.ksize - 1) * self.dilation, 0], [0, 0]])
            padding = "VALID"
        if self.dilation == 1:
            out = tf.nn.conv1d(x, self.weights, self.strides, padding)
        else:
            # The gradient of a dilated conv1d has no kernel for CPUs; this goes through space_to_batch.
            out = tf.nn.convolution(x, self.weights, 1, padding, dilations=self.dilation)
        return self._finish(out, trip)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, **super().options()}
