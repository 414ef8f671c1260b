"""VGG: stages of small convolutions, three inner products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import ReLULayer
from akid.layers.batch_normalization import BatchNormalizationLayer
from akid.layers.convolution import ConvolutionLayer
from akid.layers.dropout import DropoutLayer
from akid.layers.inner_product import InnerProductLayer
from akid.layers.pooling import MaxPoolingLayer
from akid.models.brains.heads import classifier

#: Convolutions of each stage by the depth: table 1, columns A, B, D and E.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_CHANNELS = (64, 128, 256, 512, 512)


class VGGNet(Brain):
    """The networks of Simonyan and Zisserman, 2015.

    For images ``[batch, 224, 224, 3]``; of 32 x 32 at least, since they are halved five times.

    Args:
        depth: 11, 13, 16 or 19 layers that learn.
        class_num: number of classes.
        bn: batch normalisation after every convolution.
        hidden: width of the two inner products before the last.
        keep_prob: of the dropout after each of these two.
        wd: weight decay of every synapse layer, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        depth: int = 16,
        class_num: int = 1000,
        bn: bool = False,
        hidden: int = 4096,
        keep_prob: float = 0.5,
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        self.check.one_of("depth", depth, STAGES)
        self.check.flag("bn", bn)
        for stage, (count, channels) in enumerate(zip(STAGES[depth], _CHANNELS, strict=True), 1):
            for place in (f"{stage}_{i + 1}" for i in range(count)):
                self.attach(
                    ConvolutionLayer(3, out_channel_num=channels, init_para="msra", wd=wd, name=f"conv{place}"),
                    [BatchNormalizationLayer(name=f"bn{place}")] if bn else [],
                    ReLULayer(name=f"relu{place}"),
                )
            self.attach(MaxPoolingLayer(2, name=f"pool{stage}"))
        for i in (1, 2):
            self.attach(
                InnerProductLayer(hidden, init_para="msra", wd=wd, name=f"ip{i}"),
                ReLULayer(name=f"relu_ip{i}"),
                DropoutLayer(keep_prob, name=f"dropout{i}"),
            )
        self.attach(classifier(class_num, wd=wd))
