"""The arguments that layers share, each written down once: ``**options: Unpack[LayerOptions]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from akid.blocks.initializers import Initializer
from akid.blocks.regularizers import Regularizer

#: Where a layer's signal comes from, see `akid.blocks.block.ProcessingLayer`.
Inputs = Sequence[Mapping[str, Any] | str] | None
#: An int, ``[height, width]``, or the paper's ``[1, height, width, 1]``.
Size = int | Sequence[int]
Padding = Literal["SAME", "VALID"]
PADDINGS: tuple[Padding, ...] = ("SAME", "VALID")
#: An initialiser, its name, or ``{"name": ..., **arguments}``.
Init = str | Mapping[str, Any] | Initializer
#: Weight decay: ``{"type": "l2", "scale": 5e-4}``.
Decay = Mapping[str, Any] | Regularizer | None


class LayerOptions(TypedDict, total=False):
    """See `akid.blocks.block.ProcessingLayer`."""

    name: str | None
    inputs: Inputs
    dtype: str


class LossOptions(LayerOptions, total=False):
    """See `akid.layers.loss.LossLayer`."""

    multiplier: float


class SynapseOptions(LayerOptions, total=False):
    """See `akid.layers.synapse.SynapseLayer`."""

    out_channel_num: int
    init_para: Init
    initial_bias_value: float | None
    wd: Decay
    wd_on_bias: bool
    max_norm: float | None
