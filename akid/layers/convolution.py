"""More synapse layers: transposed convolution, convolution of sequences, fixed weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from akid.arguments import Inputs, Padding, Size, at_least, one_of, pair
from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.synapse import Decay, Init, InnerProductLayer, SynapseLayer
from akid.layers.tensor import IMAGES, SEQUENCES


class TransposedConvolutionLayer(SynapseLayer):
    """The gradient of a convolution as a layer: makes images larger, ``strides`` times with ``SAME``.

    Takes ``[batch, height, width, channel]``. With ``VALID`` the output's height is
    ``(height - 1) * stride + max(ksize, stride)``. The weights are ``[*ksize, out, in]``, as
    ``tf.nn.conv2d_transpose`` has them.

    Args:
        ksize: kernel, an int, ``[height, width]`` or the paper's ``[1, height, width, 1]``.
        strides: in the same forms.
        padding: ``SAME`` or ``VALID``, of the convolution that leads back.
        out_channel_num, init_para, initial_bias_value, wd, wd_on_bias, max_norm, name, inputs, dtype: see
            `SynapseLayer`.
    """

    stem = "deconv"
    takes = IMAGES
    norm_axes = (0, 1, 3)

    def __init__(
        self,
        ksize: Size,
        strides: Size = 1,
        padding: Padding = "SAME",
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
        paras = (out_channel_num, init_para, initial_bias_value, wd, wd_on_bias, max_norm)
        super().__init__(*paras, name, inputs, dtype=dtype)
        self.ksize = pair(ksize, f"{self.name}: ksize")
        self.strides = pair(strides, f"{self.name}: strides")
        self.padding = one_of(padding, ("SAME", "VALID"), f"{self.name}: padding")

    def _setup(self, x: Signal) -> None:
        self._make([*self.ksize, self.out_channel_num, x.shape[-1]], [self.out_channel_num])

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        shape = tf.shape(x)
        sizes = [self._length(x.shape[i + 1] or shape[i + 1], i) for i in (0, 1)]
        target = tf.stack([shape[0], *sizes, self.out_channel_num])
        out = tf.nn.conv2d_transpose(x, self.weights, target, [1, *self.strides, 1], self.padding)
        out.set_shape([x.shape[0], *(n if isinstance(n, int) else None for n in sizes), self.out_channel_num])
        return self._finish(out, trip)

    def _length(self, length: Any, axis: int) -> Any:
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
        out_channel_num, init_para, initial_bias_value, wd, wd_on_bias, max_norm, name, inputs, dtype: see
            `SynapseLayer`.
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
        paras = (out_channel_num, init_para, initial_bias_value, wd, wd_on_bias, max_norm)
        super().__init__(*paras, name, inputs, dtype=dtype)
        self.ksize = at_least(ksize, 1, f"{self.name}: ksize")
        self.strides = at_least(strides, 1, f"{self.name}: strides")
        self.dilation = at_least(dilation, 1, f"{self.name}: dilation")
        self.padding = one_of(padding, ("SAME", "VALID", "CAUSAL"), f"{self.name}: padding")
        if self.dilation > 1 and self.strides > 1:
            raise BlockError(
                f"{self.name}: dilation and strides cannot both be > 1."
                f" Received: dilation={dilation}, strides={strides}"
            )

    def _setup(self, x: Signal) -> None:
        self._make([self.ksize, x.shape[-1], self.out_channel_num], [self.out_channel_num])

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        padding = self.padding
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


class FixedWeightInnerProductLayer(InnerProductLayer):
    """An inner product whose weights are given and never learnt; it has no biases.

    Args:
        weights: a matrix ``[in, out]``.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "fixed_ip"

    def __init__(
        self,
        weights: Sequence[Sequence[float]],
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        rows = [len(row) for row in weights]
        if not rows or len(set(rows)) != 1 or not rows[0]:
            raise BlockError(
                f"{name or self.stem}: weights must be a matrix [in, out]. Received: rows of {rows} numbers"
            )
        start = {"name": "constant", "value": weights}
        super().__init__(rows[0], start, None, name=name, inputs=inputs, dtype=dtype)

    def _make(self, weight_shape: Sequence[int | None], bias_shape: Sequence[int | None]) -> None:
        self.weights = self.variable("weights", weight_shape, self.init, trainable=False)
        self.biases = None
