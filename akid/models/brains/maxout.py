"""The network of the paper's listing of tuning: maxout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.options import Size
from akid.layers.sugar import cnn_block
from akid.models.brains.heads import classifier

#: Kernel, channels, pool and largest norm of weights of each hidden block; the last one is an inner product.
_BLOCKS: tuple[tuple[Size | None, int, Size, float], ...] = (
    (8, 192, 4, 0.9),
    (8, 384, 4, 1.9365),
    (5, 384, 2, 1.9365),
    (None, 2500, 1, 1.9365),
)
_GROUP_SIZES = (2, 2, 2, 5)


class MaxoutNet(Brain):
    """Three convolutions and an inner product with maxout (Goodfellow et al., 2013; paper, section 3.1.2).

    Their network for CIFAR-10, in the terms of the paper's listing: channels are counted before maxout takes the
    largest of each group.

    Args:
        class_num: number of classes.
        activation: of each of the four hidden blocks, see `akid.layers.sugar.cnn_block`; maxout in groups of 2, 2,
            2 and 5 if left out.
        keep_prob: dropout after every hidden block; None for none.
        bn: batch normalisation before every activation.
        init_para: initialiser of the weights; see `SynapseLayer`.
        wd: weight decay of every synapse layer; see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        class_num: int = 10,
        activation: Sequence[Mapping[str, Any] | str] | None = None,
        keep_prob: float | None = 0.5,
        bn: bool = False,
        init_para: str | Mapping[str, Any] = "msra",
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        maxout = [{"type": "maxout", "group_size": size} for size in _GROUP_SIZES]
        kinds = maxout if activation is None else self.check.items("activation", activation)
        if len(kinds) != len(_BLOCKS):
            raise self.check.wrong(
                "activation", f"a list of {len(_BLOCKS)}, one for each hidden block", activation
            )
        synapse: dict[str, Any] = {"init_para": init_para, "wd": wd}
        for (ksize, channels, pool, norm), kind in zip(_BLOCKS, kinds, strict=True):
            self.attach(
                cnn_block(
                    ksize,
                    **synapse,
                    max_norm=norm,
                    out_channel_num=channels,
                    pool_size=pool,
                    pool_stride=2,
                    activation=kind,
                    keep_prob=keep_prob,
                    bn=self.check.flag("bn", bn),
                )
            )
        self.attach(classifier(class_num, **synapse, max_norm=1.9365))
