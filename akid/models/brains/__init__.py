"""Brains that are ready to use."""

from akid.models.brains.lenet import LeNet
from akid.models.brains.one_layer import OneLayerBrain

__all__ = ["LeNet", "OneLayerBrain"]
