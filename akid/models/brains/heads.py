"""The end of a brain that tells classes apart."""

from __future__ import annotations

from akid.blocks.block import ProcessingLayer
from akid.layers.inner_product import InnerProductLayer
from akid.layers.loss import SoftmaxWithLossLayer
from akid.layers.options import Decay, Init


def softmax_loss(class_num: int, logits: str) -> ProcessingLayer:
    """The block ``loss`` of a brain that is given ``[data, labels]``.

    Args:
        class_num: number of classes.
        logits: name of the block that gives ``[batch, class_num]``.
    """
    return SoftmaxWithLossLayer(
        class_num,
        inputs=[{"name": logits, "idxs": [0]}, {"name": "system_in", "idxs": [1]}],
        name="loss",
    )


def classifier(
    class_num: int, init_para: Init = "xavier", wd: Decay = None, max_norm: float | None = None
) -> list[ProcessingLayer]:
    """The inner product ``logits`` and its ``loss``.

    Args:
        class_num: number of classes.
        init_para, wd, max_norm: of the inner product, see `SynapseLayer`.
    """
    logits = InnerProductLayer(class_num, init_para=init_para, wd=wd, max_norm=max_norm, name="logits")
    return [logits, softmax_loss(class_num, logits.name)]
