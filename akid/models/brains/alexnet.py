"""AlexNet: five convolutions and three inner products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import ReLULayer
from akid.layers.convolution import ConvolutionLayer
from akid.layers.dropout import DropoutLayer
from akid.layers.inner_product import InnerProductLayer
from akid.layers.pooling import MaxPoolingLayer
from akid.layers.structural import PaddingLayer
from akid.models.brains.heads import classifier

#: Kernel, channels, and whether a pool follows, of the convolutions after the first.
_CONVOLUTIONS = ((5, 192, True), (3, 384, False), (3, 256, False), (3, 256, True))


class AlexNet(Brain):
    """The network of Krizhevsky et al., 2012, in the widths and the one tower of Krizhevsky, 2014.

    For images ``[batch, 224, 224, 3]``; of 63 x 63 at least, since they are made 32 times smaller.

    Args:
        class_num: number of classes.
        hidden: width of the two inner products before the last.
        keep_prob: of the dropout before each of these two.
        wd: weight decay of every synapse layer, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        class_num: int = 1000,
        hidden: int = 4096,
        keep_prob: float = 0.5,
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        self.attach(
            PaddingLayer([2, 2], name="pad1"),
            ConvolutionLayer(11, 4, "VALID", out_channel_num=64, init_para="msra", wd=wd, name="conv1"),
            ReLULayer(name="relu1"),
            MaxPoolingLayer(3, 2, name="pool1"),
        )
        for i, (ksize, channels, pooled) in enumerate(_CONVOLUTIONS, 2):
            self.attach(
                ConvolutionLayer(ksize, out_channel_num=channels, init_para="msra", wd=wd, name=f"conv{i}"),
                ReLULayer(name=f"relu{i}"),
                [MaxPoolingLayer(3, 2, name=f"pool{i}")] if pooled else [],
            )
        for i in (1, 2):
            self.attach(
                DropoutLayer(keep_prob, name=f"dropout{i}"),
                InnerProductLayer(hidden, init_para="msra", wd=wd, name=f"ip{i}"),
                ReLULayer(name=f"relu{5 + i}"),
            )
        self.attach(classifier(class_num, wd=wd))
