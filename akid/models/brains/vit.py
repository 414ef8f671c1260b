"""Vision Transformer: an image as a sequence of patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import GELULayer
from akid.layers.convolution import Convolution1DLayer, ConvolutionLayer
from akid.layers.dropout import DropoutLayer
from akid.layers.normalization import LayerNormalizationLayer
from akid.layers.options import Decay
from akid.layers.sequence import SelfAttentionLayer
from akid.layers.structural import MergeLayer, ReshapeLayer
from akid.layers.tokens import ClassTokenLayer, PositionEmbeddingLayer, TokenLayer
from akid.models.brains.heads import classifier

_EPS = 1e-6
_NARROW = {"name": "truncated_normal", "stddev": 0.02}


class TransformerUnit(Brain):
    """``y = x + attention(norm(x))``, then ``y + mlp(norm(y))`` (Dosovitskiy et al., 2021, equations 2 and 3).

    Takes and gives ``[batch, time, channel]``.

    Args:
        dim: channels.
        head_num: heads of the attention; ``dim`` must be a multiple of it.
        mlp_ratio: how many times wider the hidden layer of the mlp is.
        keep_prob: of the dropout after the attention and after each layer of the mlp; None for none.
        wd: weight decay of every weight, see `SynapseLayer`.
        **options: see `Brain`.
    """

    stem = "unit"

    def __init__(
        self,
        dim: int,
        head_num: int = 1,
        mlp_ratio: int = 4,
        keep_prob: float | None = None,
        wd: Decay = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        self.check.integer("mlp_ratio", mlp_ratio)
        if self.check.integer("dim", dim) % self.check.integer("head_num", head_num):
            raise self.check.wrong("dim", f"a multiple of head_num={head_num}", dim)

        def dropout(name: str) -> list[DropoutLayer]:
            return [] if keep_prob is None else [DropoutLayer(keep_prob, name=name)]

        past: Any = {"name": "system_in", "idxs": [0]}
        self.attach(
            LayerNormalizationLayer(eps=_EPS, name="ln1"),
            SelfAttentionLayer(head_num, wd=wd, name="attention"),
            dropout("dropout1"),
        )
        self.attach(
            MergeLayer(inputs=[self.blocks[-1].name, past], name="attended"),
            LayerNormalizationLayer(eps=_EPS, name="ln2"),
            Convolution1DLayer(1, out_channel_num=mlp_ratio * dim, init_para="xavier", wd=wd, name="mlp1"),
            GELULayer(name="gelu"),
            dropout("dropout2"),
            Convolution1DLayer(1, out_channel_num=dim, init_para="xavier", wd=wd, name="mlp2"),
            dropout("dropout3"),
        )
        self.attach(MergeLayer(inputs=[self.blocks[-1].name, "attended"], name="merge"))


class VisionTransformer(Brain):
    """ViT of Dosovitskiy et al., 2021, in the sizes of Touvron et al., 2021: the default is ViT-Ti/16.

    For images ``[batch, 224, 224, 3]``, or others of known size that is a multiple of ``patch_size``. ViT-S/16 is
    ``dim=384, head_num=6``, ViT-B/16 ``dim=768, head_num=12``.

    Args:
        class_num: number of classes.
        patch_size: height and width of the patches.
        dim: channels of a token.
        depth: how many transformer units.
        head_num, mlp_ratio, keep_prob: of each, see `TransformerUnit`; dropout after the embedding, too.
        wd: weight decay of every weight, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        class_num: int = 1000,
        patch_size: int = 16,
        dim: int = 192,
        depth: int = 12,
        head_num: int = 3,
        mlp_ratio: int = 4,
        keep_prob: float | None = None,
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        patches: dict[str, Any] = {"out_channel_num": dim, "init_para": "xavier", "wd": wd, "name": "patches"}
        self.attach(
            ConvolutionLayer(patch_size, patch_size, "VALID", **patches),
            ReshapeLayer([-1, self.check.integer("dim", dim)], name="tokens"),
            ClassTokenLayer(name="class_token"),
            PositionEmbeddingLayer(_NARROW, name="position"),
            [] if keep_prob is None else [DropoutLayer(keep_prob, name="dropout")],
        )
        for i in range(self.check.integer("depth", depth)):
            self.attach(TransformerUnit(dim, head_num, mlp_ratio, keep_prob, wd, name=f"unit{i + 1}"))
        self.attach(
            LayerNormalizationLayer(eps=_EPS, name="ln"),
            TokenLayer(name="token"),
            classifier(class_num, wd=wd),
        )
