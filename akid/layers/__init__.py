"""The layers: everything that can be attached to a `Brain`."""

from akid.blocks import ProcessingLayer
from akid.layers.activation import ReLULayer
from akid.layers.elementwise_loss import BCELossLayer, KLRegularizationLayer, MSELossLayer
from akid.layers.eval import (
    AccuracyLayer,
    AUCLayer,
    BinaryAccuracyLayer,
    EvalLayer,
    MeanAveragePrecisionLayer,
    TopKAccuracyLayer,
)
from akid.layers.loss import GroupSoftmaxWithLossLayer, LossLayer, SoftmaxWithLossLayer
from akid.layers.margin_loss import HingeLossLayer, MarginRankingLossLayer
from akid.layers.pooling import PoolingLayer
from akid.layers.synapse import ConvolutionLayer, InnerProductLayer, SynapseLayer

__all__ = [
    "AUCLayer",
    "AccuracyLayer",
    "BCELossLayer",
    "BinaryAccuracyLayer",
    "ConvolutionLayer",
    "EvalLayer",
    "GroupSoftmaxWithLossLayer",
    "HingeLossLayer",
    "InnerProductLayer",
    "KLRegularizationLayer",
    "LossLayer",
    "MSELossLayer",
    "MarginRankingLossLayer",
    "MeanAveragePrecisionLayer",
    "PoolingLayer",
    "ProcessingLayer",
    "ReLULayer",
    "SoftmaxWithLossLayer",
    "SynapseLayer",
    "TopKAccuracyLayer",
]
