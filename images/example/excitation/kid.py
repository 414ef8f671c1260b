"""The Kid that an AkidJob trains."""

from __future__ import annotations

from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
from akid.layers import (
    BatchNormalizationLayer,
    ConvolutionLayer,
    GlobalPoolingLayer,
    InnerProductLayer,
    MaxPoolingLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
)
from excitation.blocks import ExcitationLayer


def setup(channels: int = 32, reduction: int = 4, max_steps: int = 600) -> Kid:
    """A convolutional network for the digits; the arguments are the `params` of the AkidJob."""
    brain = Brain(name="excited")
    for i in (1, 2):
        brain.attach(
            ConvolutionLayer(3, out_channel_num=channels, init_para="msra", name=f"conv{i}"),
            BatchNormalizationLayer(name=f"bn{i}"),
            ReLULayer(name=f"relu{i}"),
            ExcitationLayer(reduction, name=f"excitation{i}"),
        )
        if i == 1:
            brain.attach(MaxPoolingLayer(2, name="pool1"))
    brain.attach(
        GlobalPoolingLayer(name="pool2"),
        InnerProductLayer(10, name="ip"),
        SoftmaxWithLossLayer(10, inputs=["ip", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    return Kid(Sensor(DigitsSource(num_val=300), batch_size=64), brain, MomentumKongFu(0.05), max_steps=max_steps)
