"""LeNet: two convolutions and two inner products, for small images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import ReLULayer
from akid.layers.convolution import ConvolutionLayer
from akid.layers.inner_product import InnerProductLayer
from akid.layers.loss import SoftmaxWithLossLayer
from akid.layers.pooling import PoolingLayer


class LeNet(Brain):
    """The network of LeCun et al., 1998, in the widths of TensorFlow's MNIST tutorial: 32, 64, 512.

    Args:
        class_num: number of classes.
        wd: weight decay of every synapse layer, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self, class_num: int = 10, wd: Mapping[str, Any] | None = None, **options: Unpack[BrainOptions]
    ) -> None:
        super().__init__(**options)
        for i, channels in ((1, 32), (2, 64)):
            self.attach(
                ConvolutionLayer(5, out_channel_num=channels, wd=wd, name=f"conv{i}"),
                ReLULayer(name=f"relu{i}"),
                PoolingLayer(2, padding="SAME", name=f"pool{i}"),
            )
        self.attach(
            InnerProductLayer(512, wd=wd, initial_bias_value=0.1, name="ip1"),
            ReLULayer(name="relu3"),
            InnerProductLayer(class_num, wd=wd, name="ip2"),
            SoftmaxWithLossLayer(
                class_num,
                inputs=[{"name": "ip2", "idxs": [0]}, {"name": "system_in", "idxs": [1]}],
                name="loss",
            ),
        )
