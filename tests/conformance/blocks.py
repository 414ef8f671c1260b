"""The conformance table: a line for every block that akid exports. To add a block, add a line."""

from __future__ import annotations

from typing import Any

from conformance.brains import BRAINS
from conformance.rows import BATCH, IMAGE, NO_GRADIENT, RANDOM, SEQUENCE, VECTOR, B, Row, floats, ints, row

from akid import layers as L  # noqa: N812


def keras_dense(name: str | None = None, dtype: str = "float32") -> L.KerasLayer:
    """A Keras layer made from its class and arguments."""
    # What Keras draws does not come from the trip's seed.
    options = {"units": 3, "activation": "tanh", "kernel_regularizer": "l2", "kernel_initializer": "ones"}
    return L.KerasLayer({"type": "Dense", **options}, name=name, dtype=dtype)


def keras_bn(name: str | None = None, dtype: str = "float32") -> L.KerasLayer:
    """A Keras layer with state."""
    return L.KerasLayer({"type": "BatchNormalization"}, name=name, dtype=dtype)


def _same(layer: Any, id: str = "", flags: tuple[str, ...] = (), **options: Any) -> Row:
    """A line for a layer without variables that keeps the shape."""
    return row(layer, VECTOR, gives=(B, 8), id=id, flags=flags, **options)


SYNAPSES = [
    row(
        L.ConvolutionLayer,
        IMAGE,
        gives=(B, 3, 3, 5),
        variables={"weights": (3, 3, 4, 5), "biases": (5,)},
        ksize=[1, 3, 3, 1],
        strides=[1, 2, 2, 1],
        out_channel_num=5,
        wd={"type": "l2", "scale": 0.1},
    ),
    row(
        L.ConvolutionLayer,
        IMAGE,
        gives=(B, 4, 5, 8),
        variables={"weights": (3, 2, 4, 2)},
        id="depthwise",
        ksize=[3, 2],
        padding="VALID",
        depthwise=True,
        out_channel_num=8,
        initial_bias_value=None,
    ),
    row(
        L.TransposedConvolutionLayer,
        IMAGE,
        gives=(B, 12, 18, 5),
        variables={"weights": (3, 3, 5, 4), "biases": (5,)},
        ksize=3,
        strides=[2, 3],
        out_channel_num=5,
    ),
    row(
        L.TransposedConvolutionLayer,
        IMAGE,
        gives=(B, 13, 13, 5),
        variables={"weights": (3, 3, 5, 4), "biases": (5,)},
        id="valid",
        ksize=3,
        strides=2,
        padding="VALID",
        out_channel_num=5,
    ),
    row(
        L.Convolution1DLayer,
        SEQUENCE,
        gives=(B, 3, 6),
        variables={"weights": (3, 4, 6), "biases": (6,)},
        ksize=3,
        padding="VALID",
        out_channel_num=6,
    ),
    row(
        L.Convolution1DLayer,
        SEQUENCE,
        gives=(B, 5, 6),
        variables={"weights": (2, 4, 6), "biases": (6,)},
        id="causal",
        ksize=2,
        dilation=2,
        padding="CAUSAL",
        out_channel_num=6,
    ),
    row(
        L.InnerProductLayer,
        IMAGE,
        gives=(B, 7),
        variables={"weights": (144, 7), "biases": (7,)},
        out_channel_num=7,
        wd={"type": "l1", "scale": 0.1},
        wd_on_bias=True,
        max_norm=2.0,
    ),
    row(
        L.FixedWeightInnerProductLayer,
        floats(2),
        gives=(B, 3),
        variables={"weights": (2, 3)},
        weights=[[1, 2, 3], [4, 5, 6]],
    ),
    row(
        L.EmbeddingLayer,
        ints(3, below=9),
        gives=(B, 3, 2),
        variables={"weights": (9, 2)},
        num_embeddings=9,
        embedding_dim=2,
        wd={"type": "l2", "scale": 0.1},
    ),
]

ACTIVATIONS = [
    _same(L.ReLULayer),
    _same(L.LeakyReLULayer, slope=0.1),
    _same(L.ELULayer),
    _same(L.SELULayer),
    _same(L.GELULayer),
    _same(L.GELULayer, "approximate", approximate=True),
    _same(L.SiLULayer),
    _same(L.SigmoidLayer),
    _same(L.TanhLayer),
    _same(L.SoftplusLayer),
    _same(L.SoftmaxLayer),
    _same(L.SoftmaxNormalizationLayer, group_size=2),
    _same(L.GroupSoftmaxLayer, group_size=2),
    _same(L.GroupSoftmaxLayer, "sigmoid", group_size=1),
    row(
        L.GroupSoftmaxLayer,
        VECTOR,
        gives=[(B, 4), (B, 4)],
        variables={"T": ()},
        id="list",
        concat_output=False,
        use_temperature=True,
    ),
    row(L.CollapseOutLayer, IMAGE, gives=(B, 6, 6, 2), type="average_out", group_size=2),
    row(L.CollapseOutLayer, floats(3), floats(2), gives=(B, 2), id="list", type="maxout"),
    row(L.AverageOutLayer, VECTOR, gives=(B, 4)),
    row(L.MaxoutLayer, VECTOR, gives=(B, 2), group_size=4),
    _same(L.DropoutLayer, flags=(RANDOM,), keep_prob=0.6),
]

POOLINGS = [
    row(L.PoolingLayer, IMAGE, gives=(B, 3, 3, 4), ksize=2),
    row(L.PoolingLayer, IMAGE, IMAGE, gives=[(B, 2, 2, 4)] * 2, id="list", ksize=3, type="avg"),
    row(L.MaxPoolingLayer, IMAGE, gives=(B, 3, 3, 4), ksize=3, strides=2, padding="SAME"),
    row(
        L.MaxPoolingLayer,
        IMAGE,
        gives=[(B, 3, 3, 4)] * 2,
        id="argmax",
        flags=[NO_GRADIENT],
        ksize=2,
        get_argmax_idx=True,
    ),
    row(L.AveragePoolingLayer, IMAGE, gives=(B, 3, 3, 4), ksize=3, strides=2, padding="SAME"),
    row(L.Pooling1DLayer, SEQUENCE, gives=(B, 2, 4), ksize=2),
    row(L.MaxPooling1DLayer, SEQUENCE, gives=(B, 3, 4), ksize=2, padding="SAME"),
    row(L.AveragePooling1DLayer, SEQUENCE, gives=(B, 4, 4), ksize=2, strides=1),
    row(L.GlobalPoolingLayer, IMAGE, gives=(B, 4)),
    row(L.GlobalAveragePoolingLayer, IMAGE, gives=(B, 4)),
    row(L.GlobalMaxPoolingLayer, IMAGE, gives=(B, 4)),
    row(L.GlobalPoolingLayer, SEQUENCE, gives=(B, 4), id="max", type="max"),
]

BN = {"beta": (4,), "gamma": (4,), "running_mean": (4,), "running_variance": (4,)}
NORMALIZATIONS = [
    row(L.BatchNormalizationLayer, IMAGE, gives=(B, 6, 6, 4), variables=BN, flags=[BATCH]),
    row(
        L.BatchNormalizationLayer,
        SEQUENCE,
        gives=(B, 5, 4),
        variables={"gamma": (1,), "count": (), "running_mean": (4,), "running_variance": (4,)},
        id="variant",
        flags=[BATCH],
        beta_init=None,
        share_gamma=True,
        momentum=None,
    ),
    row(L.LayerNormalizationLayer, SEQUENCE, gives=(B, 5, 4), variables={"beta": (4,), "gamma": (4,)}),
    row(
        L.GroupNormalizationLayer,
        IMAGE,
        gives=(B, 6, 6, 4),
        variables={"beta": (4,), "gamma": (4,)},
        group_num=2,
    ),
    _same(L.L2NormalizationLayer),
    row(L.LRNLayer, IMAGE, gives=(B, 6, 6, 4), depth_radius=1, alpha=0.5),
]

STRUCTURES = [
    row(L.ReshapeLayer, VECTOR, gives=(B, 2, 4), shape=[2, -1]),
    row(L.FlattenLayer, IMAGE, gives=(B, 144)),
    row(L.PaddingLayer, IMAGE, gives=(B, 8, 10, 4), padding=[1, 2]),
    row(L.PaddingLayer, VECTOR, gives=(B, 11), id="full", padding=[[0, 0], [1, 2]], value=3.0),
    row(L.MergeLayer, VECTOR, VECTOR, VECTOR, gives=(B, 8)),
    row(L.ConcatLayer, SEQUENCE, floats(2, 4), gives=(B, 7, 4), axis=1),
    row(L.ScatterLayer, VECTOR, gives=[(B, 3), (B, 4)], scatter_len_list=[3, 4]),
]

SEQUENCES = [
    row(L.ClassTokenLayer, SEQUENCE, gives=(B, 6, 4), variables={"token": (4,)}, init_para="truncated_normal"),
    row(L.PositionEmbeddingLayer, SEQUENCE, gives=(B, 5, 4), variables={"weights": (5, 4)}),
    row(L.TokenLayer, SEQUENCE, gives=(B, 4), index=-2),
    row(
        L.SelfAttentionLayer,
        SEQUENCE,
        gives=(B, 5, 4),
        variables={f"{p}/weights": (4, 4) for p in ("query", "key", "value", "out")}
        | {f"{p}/biases": (4,) for p in ("query", "key", "value", "out")},
        head_num=2,
        causal=True,
        wd={"type": "l2", "scale": 0.1},
    ),
    row(
        L.RecurrentLayer,
        SEQUENCE,
        gives=(B, 3),
        variables={"weights": (4, 3), "recurrent_weights": (3, 3), "biases": (3,)},
        out_channel_num=3,
    ),
    row(
        L.GRULayer,
        SEQUENCE,
        gives=(B, 5, 3),
        variables={"weights": (4, 9), "recurrent_weights": (3, 9), "biases": (9,)},
        out_channel_num=3,
        return_sequences=True,
        wd={"type": "l2", "scale": 0.1},
    ),
    row(keras_dense, VECTOR, gives=(B, 3), variables={"kernel": (8, 3), "bias": (3,)}),
    row(
        keras_bn,
        floats(4),
        gives=(B, 4),
        variables={"gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,)},
        flags=[BATCH],
    ),
]

LOSSES = [
    row(L.SoftmaxWithLossLayer, VECTOR, ints(below=8), gives=(), class_num=8),
    row(L.GroupSoftmaxWithLossLayer, VECTOR, ints(below=8), gives=(), class_num=8, group_size=4),
    row(L.MSELossLayer, IMAGE, IMAGE, gives=(), size_average=False, multiplier=0.1),
    row(L.BCELossLayer, VECTOR, ints(8, below=2), gives=(), pos_weight=2.0),
    row(L.HingeLossLayer, VECTOR, ints(8, below=2), gives=(), id="binary"),
    row(L.HingeLossLayer, VECTOR, ints(below=8), gives=(), id="classes", class_num=8),
    row(L.MarginRankingLossLayer, floats(), floats(), gives=(), margin=0.5, hard_sample_mining=True),
    row(L.KLRegularizationLayer, VECTOR, gives=(), mean=0.5, std=2.0),
    row(L.KLRegularizationLayer, VECTOR, VECTOR, gives=(), id="encoder"),
]

EVALS = [
    row(L.AccuracyLayer, VECTOR, ints(below=8), gives=(), flags=[NO_GRADIENT]),
    row(L.TopKAccuracyLayer, VECTOR, ints(below=8), gives=(), flags=[NO_GRADIENT], k=3),
    row(L.BinaryAccuracyLayer, VECTOR, ints(8, below=2), gives=(), flags=[NO_GRADIENT]),
    row(L.AUCLayer, VECTOR, ints(8, below=2), gives=(), flags=[NO_GRADIENT]),
    row(L.MeanAveragePrecisionLayer, VECTOR, ints(8, below=2), gives=(), flags=[NO_GRADIENT]),
]

ROWS = [
    *SYNAPSES,
    *ACTIVATIONS,
    *POOLINGS,
    *NORMALIZATIONS,
    *STRUCTURES,
    *SEQUENCES,
    *LOSSES,
    *EVALS,
    *BRAINS,
]

#: Exported to be subclassed; they cannot run by themselves.
ABSTRACT = {L.EvalLayer, L.LossLayer, L.ProcessingLayer, L.SynapseLayer}
