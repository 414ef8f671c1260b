"""Residual units (Fig. 3 of the paper): a brain is a layer too, so brains nest.

Run it: python examples/residual_unit.py, or as an AkidJob: akid run examples/jobs/module.yaml
"""

from __future__ import annotations

from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
from akid.layers import (
    BatchNormalizationLayer,
    ConvolutionLayer,
    GlobalPoolingLayer,
    InnerProductLayer,
    MergeLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
)


class ResidualUnit(Brain):
    """A branch that builds up complexity, and a stem that goes past it; they meet in a sum."""

    def __init__(self, channels: int, **kwargs):
        super().__init__(**kwargs)
        for i in (1, 2):
            self.attach(
                BatchNormalizationLayer(name=f"bn{i}"),
                ReLULayer(name=f"relu{i}"),
                ConvolutionLayer(3, out_channel_num=channels, init_para="msra", name=f"conv{i}"),
            )
        self.attach(MergeLayer(inputs=["conv2", {"name": "system_in", "idxs": [0]}], name="merge"))


def setup(max_steps: int = 300, units: int = 2, channels: int = 16) -> Kid:
    """A small residual network for the digits."""
    brain = Brain(name="resnet")
    brain.attach(ConvolutionLayer(3, out_channel_num=channels, init_para="msra", name="conv"))
    brain.attach([ResidualUnit(channels, name=f"unit{i + 1}") for i in range(units)])
    brain.attach(
        GlobalPoolingLayer(name="pool"),
        InnerProductLayer(10, name="ip"),
        SoftmaxWithLossLayer(10, inputs=["ip", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    return Kid(Sensor(DigitsSource(), batch_size=64), brain, MomentumKongFu(0.05), max_steps=max_steps)


if __name__ == "__main__":
    kid = setup()
    kid.practice()
    print(kid.brain.summary())
