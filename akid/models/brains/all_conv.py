"""AllConvNet: convolutions only, those with strides in the place of pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import ReLULayer
from akid.layers.convolution import ConvolutionLayer
from akid.layers.dropout import DropoutLayer
from akid.layers.pooling import GlobalPoolingLayer
from akid.models.brains.heads import softmax_loss

#: Kernel, channels and stride.
_CONVOLUTIONS = (
    *((3, 96, 1), (3, 96, 1), (3, 96, 2)),
    *((3, 192, 1), (3, 192, 1), (3, 192, 2)),
    *((3, 192, 1), (1, 192, 1)),
)


class AllConvNet(Brain):
    """All-CNN-C of Springenberg et al., 2015, tables 1 and 2; for small images, such as those of CIFAR.

    Args:
        class_num: number of classes.
        input_keep_prob: of the dropout of the data.
        keep_prob: of the dropout after every convolution with strides.
        wd: weight decay of every convolution, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        class_num: int = 10,
        input_keep_prob: float = 0.8,
        keep_prob: float = 0.5,
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        synapse: dict[str, Any] = {"init_para": "msra", "wd": wd}
        self.attach(DropoutLayer(input_keep_prob, name="dropout0"))
        for i, (ksize, channels, stride) in enumerate(_CONVOLUTIONS, 1):
            self.attach(
                ConvolutionLayer(ksize, stride, out_channel_num=channels, **synapse, name=f"conv{i}"),
                ReLULayer(name=f"relu{i}"),
                [DropoutLayer(keep_prob, name=f"dropout{i}")] if stride > 1 else [],
            )
        last = len(_CONVOLUTIONS) + 1
        self.attach(
            ConvolutionLayer(1, out_channel_num=class_num, **synapse, name=f"conv{last}"),
            ReLULayer(name=f"relu{last}"),
            GlobalPoolingLayer(name="logits"),
            softmax_loss(class_num, "logits"),
        )
