"""Brains that are ready to use, and the units that the residual ones among them are made of."""

from akid.models.brains.alexnet import AlexNet
from akid.models.brains.all_conv import AllConvNet
from akid.models.brains.lenet import LeNet
from akid.models.brains.maxout import MaxoutNet
from akid.models.brains.mlp import MLP
from akid.models.brains.one_layer import OneLayerBrain
from akid.models.brains.residual import PreActivationUnit, ResidualUnit
from akid.models.brains.resnet import CifarResNet, ResNet, WideResNet
from akid.models.brains.vgg import VGGNet
from akid.models.brains.vit import TransformerUnit, VisionTransformer

__all__ = [
    "MLP",
    "AlexNet",
    "AllConvNet",
    "CifarResNet",
    "LeNet",
    "MaxoutNet",
    "OneLayerBrain",
    "PreActivationUnit",
    "ResNet",
    "ResidualUnit",
    "TransformerUnit",
    "VGGNet",
    "VisionTransformer",
    "WideResNet",
]
