"""Residual units (paper, Fig. 3): a branch that builds up complexity, and a stem that goes past it."""

from __future__ import annotations

from typing import Any, Unpack

from akid.blocks.block import ProcessingLayer
from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import ReLULayer
from akid.layers.batch_normalization import BatchNormalizationLayer
from akid.layers.convolution import ConvolutionLayer
from akid.layers.dropout import DropoutLayer
from akid.layers.options import Decay
from akid.layers.pooling import MaxPoolingLayer
from akid.layers.structural import MergeLayer, PaddingLayer

_SYSTEM_IN: dict[str, Any] = {"name": "system_in", "idxs": [0]}


def conv(ksize: int, channels: int, stride: int, wd: Decay, name: str, **options: Any) -> ProcessingLayer:
    """A convolution without biases: batch normalisation has some."""
    synapse: dict[str, Any] = {"init_para": "msra", "initial_bias_value": None, "wd": wd}
    return ConvolutionLayer(ksize, stride, out_channel_num=channels, **synapse, name=name, **options)


def conv_bn(
    ksize: int, channels: int, stride: int, wd: Decay, number: int | str, **options: Any
) -> list[ProcessingLayer]:
    """A convolution and its batch normalisation."""
    return [
        conv(ksize, channels, stride, wd, f"conv{number}", **options),
        BatchNormalizationLayer(name=f"bn{number}"),
    ]


class ResidualUnit(Brain):
    """``relu(branch(x) + stem(x))``, the branch two convolutions of 3 x 3 (He et al., 2016a, Fig. 2).

    The stem is what the unit is given, unless that has another shape: then a convolution of 1 x 1 with the same
    stride, or (``shortcut="pad"``) every ``stride``-th place with zeros for the channels that are new.

    Args:
        channels: of what it gives.
        stride: of the first convolution.
        in_channels: of what it is given; ``channels`` if left out.
        shortcut: ``conv`` or ``pad``, see above.
        bottleneck: the branch is 1 x 1, 3 x 3 with a quarter of the channels and the stride, and 1 x 1 (Fig. 5).
        wd: weight decay of every convolution, see `SynapseLayer`.
        **options: see `Brain`.
    """

    stem = "unit"

    def __init__(
        self,
        channels: int,
        stride: int = 1,
        in_channels: int | None = None,
        shortcut: str = "conv",
        bottleneck: bool = False,
        wd: Decay = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        given = self.check.integer("channels", channels) if in_channels is None else in_channels
        self.check.integer("stride", stride)
        self.check.integer("in_channels", given)
        self.check.one_of("shortcut", shortcut, ("conv", "pad"))
        if self.check.flag("bottleneck", bottleneck):
            inner = channels // 4
            self.attach(
                [*conv_bn(1, inner, 1, wd, 1), ReLULayer(name="relu1")],
                [*conv_bn(3, inner, stride, wd, 2), ReLULayer(name="relu2")],
                conv_bn(1, channels, 1, wd, 3),
            )
        else:
            self.attach(
                [*conv_bn(3, channels, stride, wd, 1), ReLULayer(name="relu1")],
                conv_bn(3, channels, 1, wd, 2),
            )
        branch = self.blocks[-1].name
        same = stride == 1 and given == channels
        stem = [] if same else _stem(given, channels, stride, shortcut, wd)
        past: Any = stem[-1].name if stem else _SYSTEM_IN
        self.attach(stem, MergeLayer(inputs=[branch, past], name="merge"), ReLULayer(name="relu"))


def _stem(given: int, channels: int, stride: int, shortcut: str, wd: Decay) -> list[ProcessingLayer]:
    """What goes past a branch that changes the shape."""
    if shortcut == "conv":
        return conv_bn(1, channels, stride, wd, "_stem", inputs=[_SYSTEM_IN])
    new = channels - given
    padding = [[0, 0], [0, 0], [0, 0], [new // 2, new - new // 2]]
    return [
        MaxPoolingLayer(1, stride, inputs=[_SYSTEM_IN], name="places"),
        PaddingLayer(padding, name="channels"),
    ]


class PreActivationUnit(Brain):
    """``branch(x) + stem(x)``, with normalisation and activation before each convolution (He et al., 2016b).

    As in wide residual networks (Zagoruyko and Komodakis, 2016), dropout may stand between the convolutions, and
    where the shape changes the stem is a convolution of 1 x 1 of what is normalised and activated.

    Args:
        channels: of what it gives.
        stride: of the first convolution.
        in_channels: of what it is given; ``channels`` if left out.
        keep_prob: of the dropout; None for none.
        wd: weight decay of every convolution, see `SynapseLayer`.
        **options: see `Brain`.
    """

    stem = "unit"

    def __init__(
        self,
        channels: int,
        stride: int = 1,
        in_channels: int | None = None,
        keep_prob: float | None = None,
        wd: Decay = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        self.check.integer("stride", stride)
        given = self.check.integer("channels", channels) if in_channels is None else in_channels
        same = stride == 1 and self.check.integer("in_channels", given) == channels
        self.attach(
            BatchNormalizationLayer(name="bn1"),
            ReLULayer(name="relu1"),
            conv(3, channels, stride, wd, "conv1"),
            BatchNormalizationLayer(name="bn2"),
            ReLULayer(name="relu2"),
            [] if keep_prob is None else [DropoutLayer(keep_prob, name="dropout")],
            conv(3, channels, 1, wd, "conv2"),
        )
        if not same:
            self.attach(conv(1, channels, stride, wd, "conv_stem", inputs=["relu1"]))
        past: Any = _SYSTEM_IN if same else "conv_stem"
        self.attach(MergeLayer(inputs=["conv2", past], name="merge"))
