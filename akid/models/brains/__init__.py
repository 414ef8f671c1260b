"""Brains that are ready to use."""

from akid.models.brains.lenet import LeNet
from akid.models.brains.mlp import MLP
from akid.models.brains.one_layer import OneLayerBrain

__all__ = ["MLP", "LeNet", "OneLayerBrain"]
