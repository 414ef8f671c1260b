"""The layers: everything that can be attached to a `Brain`."""

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
from akid.layers.convolution import (
    Convolution1DLayer,
    FixedWeightInnerProductLayer,
    TransposedConvolutionLayer,
)
from akid.layers.dropout import DropoutLayer
from akid.layers.groups import (
    CollapseOutLayer,
    GroupLayer,
    GroupSoftmaxLayer,
    MaxoutLayer,
    SoftmaxNormalizationLayer,
)
from akid.layers.keras_layer import KerasLayer
from akid.layers.loss import LossLayer, SoftmaxWithLossLayer
from akid.layers.normalization import (
    GroupNormalizationLayer,
    L2NormalizationLayer,
    LayerNormalizationLayer,
    LRNLayer,
)
from akid.layers.pooling import (
    AveragePooling1DLayer,
    AveragePoolingLayer,
    GlobalPoolingLayer,
    MaxPooling1DLayer,
    MaxPoolingLayer,
    Pooling1DLayer,
    PoolingLayer,
)
from akid.layers.recurrent import GRULayer, RecurrentLayer
from akid.layers.sequence import EmbeddingLayer, SelfAttentionLayer
from akid.layers.structural import (
    ConcatLayer,
    FlattenLayer,
    MergeLayer,
    PaddingLayer,
    ReshapeLayer,
    ScatterLayer,
)
from akid.layers.synapse import ConvolutionLayer, InnerProductLayer, SynapseLayer
from akid.layers.tensor import TensorLayer

__all__ = [
    "AveragePooling1DLayer",
    "AveragePoolingLayer",
    "BatchNormalizationLayer",
    "CollapseOutLayer",
    "ConcatLayer",
    "Convolution1DLayer",
    "ConvolutionLayer",
    "DropoutLayer",
    "ELULayer",
    "EmbeddingLayer",
    "FixedWeightInnerProductLayer",
    "FlattenLayer",
    "GELULayer",
    "GRULayer",
    "GlobalPoolingLayer",
    "GroupLayer",
    "GroupNormalizationLayer",
    "GroupSoftmaxLayer",
    "InnerProductLayer",
    "KerasLayer",
    "L2NormalizationLayer",
    "LRNLayer",
    "LayerNormalizationLayer",
    "LeakyReLULayer",
    "LossLayer",
    "MaxPooling1DLayer",
    "MaxPoolingLayer",
    "MaxoutLayer",
    "MergeLayer",
    "PaddingLayer",
    "Pooling1DLayer",
    "PoolingLayer",
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
    "TensorLayer",
    "TransposedConvolutionLayer",
]
