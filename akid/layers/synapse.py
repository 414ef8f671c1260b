"""SynapseLayer: the base of what learns weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Constraint
from akid.blocks.initializers import Initializer
from akid.blocks.regularizers import Regularizer, note_decay
from akid.blocks.trip import Trip
from akid.checks import optional
from akid.layers.options import Decay, Init, LayerOptions
from akid.layers.tensor import TensorLayer


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
        **options: see `ProcessingLayer`.
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
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.out_channel_num = self.check.integer("out_channel_num", out_channel_num)
        self.init = Initializer.of(init_para)
        self.initial_bias_value = optional(self.check.number, "initial_bias_value", initial_bias_value)
        self.wd = Regularizer.of(wd)
        self.wd_on_bias = self.check.flag("wd_on_bias", wd_on_bias)
        self.max_norm = optional(self.check.number, "max_norm", max_norm, above=0)

    def _make(
        self,
        weight_shape: Sequence[int | None],
        bias_shape: Sequence[int | None],
        fans: tuple[int, int] | None = None,
    ) -> None:
        """Make the variables.

        Args:
            weight_shape, bias_shape: all dimensions known.
            fans: see `Block.variable`; given where the weights are not ``[*spatial, in, out]``.
        """
        constraint = None if self.max_norm is None else _ball(self.max_norm, self.norm_axes)
        self.weights = self.variable("weights", weight_shape, self.init, constraint=constraint, fans=fans)
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
