"""MLP: inner products with activations between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.inner_product import InnerProductLayer
from akid.layers.loss import SoftmaxWithLossLayer
from akid.layers.sugar import cnn_block


class MLP(Brain):
    """A multi-layer perceptron with a softmax loss.

    Args:
        class_num: number of classes.
        hidden: widths of the hidden layers.
        activation: see `akid.layers.sugar.cnn_block`.
        keep_prob: dropout after every hidden layer; None for none.
        bn: batch normalisation in every hidden layer; see `akid.layers.sugar.cnn_block`.
        init_para: initialiser of the weights; see `SynapseLayer`.
        wd: weight decay of every inner product; see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        class_num: int = 10,
        hidden: Sequence[int] = (128,),
        activation: str | Mapping[str, Any] | None = "relu",
        keep_prob: float | None = None,
        bn: bool | Mapping[str, Any] | None = None,
        init_para: str | Mapping[str, Any] = "msra",
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        for width in self.check.integers("hidden", hidden):
            self.attach(
                cnn_block(
                    init_para=init_para,
                    wd=wd,
                    out_channel_num=width,
                    activation=activation,
                    keep_prob=keep_prob,
                    bn=bn,
                )
            )
        logits = InnerProductLayer(class_num, init_para=init_para, wd=wd)
        self.attach(logits)
        self.attach(
            SoftmaxWithLossLayer(
                class_num,
                inputs=[{"name": logits.name, "idxs": [0]}, {"name": "system_in", "idxs": [1]}],
                name="loss",
            )
        )
