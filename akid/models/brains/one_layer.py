"""The one-layer brain of the paper's section 3.1.1."""

from __future__ import annotations

from typing import Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import ReLULayer
from akid.layers.convolution import ConvolutionLayer
from akid.layers.inner_product import InnerProductLayer
from akid.layers.loss import SoftmaxWithLossLayer
from akid.layers.pooling import PoolingLayer


class OneLayerBrain(Brain):
    """One convolution, a pool, an inner product, a softmax loss (paper, section 3.1.1).

    Args:
        class_num: number of classes.
        **options: see `Brain`.
    """

    def __init__(self, class_num: int = 10, **options: Unpack[BrainOptions]) -> None:
        super().__init__(**options)
        self.attach(
            ConvolutionLayer(ksize=[5, 5], strides=[1, 1, 1, 1], out_channel_num=32, name="conv1"),
            ReLULayer(name="relu1"),
            PoolingLayer(ksize=[1, 5, 5, 1], strides=[1, 5, 5, 1], padding="SAME", name="pool1"),
            InnerProductLayer(out_channel_num=class_num, name="ip1"),
            SoftmaxWithLossLayer(
                class_num=class_num,
                inputs=[{"name": "ip1", "idxs": [0]}, {"name": "system_in", "idxs": [1]}],
                name="loss",
            ),
        )
