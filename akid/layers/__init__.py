"""The layers: everything that can be attached to a `Brain`."""

from akid.blocks.block import ProcessingLayer
from akid.layers.activation import (
    ELULayer,
    GELULayer,
    LeakyReLULayer,
    ReLULayer,
    SELULayer,
    SigmoidLayer,
    SiLULayer,
    SoftmaxLayer,
    SoftplusLayer,
    TanhLayer,
)
from akid.layers.batch_normalization import BatchNormalizationLayer
from akid.layers.convolution import Convolution1DLayer, ConvolutionLayer, TransposedConvolutionLayer
from akid.layers.dropout import DropoutLayer
from akid.layers.elementwise_loss import BCELossLayer, KLRegularizationLayer, MSELossLayer
from akid.layers.eval import (
    AccuracyLayer,
    AUCLayer,
    BinaryAccuracyLayer,
    EvalLayer,
    MeanAveragePrecisionLayer,
    TopKAccuracyLayer,
)
from akid.layers.groups import (
    AverageOutLayer,
    CollapseOutLayer,
    GroupSoftmaxLayer,
    MaxoutLayer,
    SoftmaxNormalizationLayer,
)
from akid.layers.inner_product import FixedWeightInnerProductLayer, InnerProductLayer
from akid.layers.keras_layer import KerasLayer
from akid.layers.loss import GroupSoftmaxWithLossLayer, LossLayer, SoftmaxWithLossLayer
from akid.layers.margin_loss import HingeLossLayer, MarginRankingLossLayer
from akid.layers.normalization import (
    GroupNormalizationLayer,
    L2NormalizationLayer,
    LayerNormalizationLayer,
    LRNLayer,
)
from akid.layers.pooling import (
    AveragePooling1DLayer,
    AveragePoolingLayer,
    GlobalAveragePoolingLayer,
    GlobalMaxPoolingLayer,
    GlobalPoolingLayer,
    MaxPooling1DLayer,
    MaxPoolingLayer,
    Pooling1DLayer,
    PoolingLayer,
)
from akid.layers.recurrent import GRULayer, RecurrentLayer
from akid.layers.sequence import EmbeddingLayer, SelfAttentionLayer
from akid.layers.structural import ConcatLayer, FlattenLayer, MergeLayer, PaddingLayer, ReshapeLayer, ScatterLayer
from akid.layers.synapse import SynapseLayer
from akid.layers.tokens import ClassTokenLayer, PositionEmbeddingLayer, TokenLayer

__all__ = [
    "AUCLayer",
    "AccuracyLayer",
    "AverageOutLayer",
    "AveragePooling1DLayer",
    "AveragePoolingLayer",
    "BCELossLayer",
    "BatchNormalizationLayer",
    "BinaryAccuracyLayer",
    "ClassTokenLayer",
    "CollapseOutLayer",
    "ConcatLayer",
    "Convolution1DLayer",
    "ConvolutionLayer",
    "DropoutLayer",
    "ELULayer",
    "EmbeddingLayer",
    "EvalLayer",
    "FixedWeightInnerProductLayer",
    "FlattenLayer",
    "GELULayer",
    "GRULayer",
    "GlobalAveragePoolingLayer",
    "GlobalMaxPoolingLayer",
    "GlobalPoolingLayer",
    "GroupNormalizationLayer",
    "GroupSoftmaxLayer",
    "GroupSoftmaxWithLossLayer",
    "HingeLossLayer",
    "InnerProductLayer",
    "KLRegularizationLayer",
    "KerasLayer",
    "L2NormalizationLayer",
    "LRNLayer",
    "LayerNormalizationLayer",
    "LeakyReLULayer",
    "LossLayer",
    "MSELossLayer",
    "MarginRankingLossLayer",
    "MaxPooling1DLayer",
    "MaxPoolingLayer",
    "MaxoutLayer",
    "MeanAveragePrecisionLayer",
    "MergeLayer",
    "PaddingLayer",
    "Pooling1DLayer",
    "PoolingLayer",
    "PositionEmbeddingLayer",
    "ProcessingLayer",
    "ReLULayer",
    "RecurrentLayer",
    "ReshapeLayer",
    "SELULayer",
    "ScatterLayer",
    "SelfAttentionLayer",
    "SiLULayer",
    "SigmoidLayer",
    "SoftmaxLayer",
    "SoftmaxNormalizationLayer",
    "SoftmaxWithLossLayer",
    "SoftplusLayer",
    "SynapseLayer",
    "TanhLayer",
    "TokenLayer",
    "TopKAccuracyLayer",
    "TransposedConvolutionLayer",
]
