"""The layers: everything that can be attached to a `Brain`."""

from akid.blocks import ProcessingLayer
from akid.layers.activation import ReLULayer
from akid.layers.loss import LossLayer, SoftmaxWithLossLayer
from akid.layers.pooling import PoolingLayer
from akid.layers.synapse import ConvolutionLayer, InnerProductLayer, SynapseLayer

__all__ = [
    "ConvolutionLayer",
    "InnerProductLayer",
    "LossLayer",
    "PoolingLayer",
    "ProcessingLayer",
    "ReLULayer",
    "SoftmaxWithLossLayer",
    "SynapseLayer",
]
