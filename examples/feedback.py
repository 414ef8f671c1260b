"""Feedback (Fig. 2 of the paper): what a later block gave comes back in the next time step.

Run it: python examples/feedback.py
"""

from __future__ import annotations

from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
from akid.layers import ConvolutionLayer, InnerProductLayer, MergeLayer, ReLULayer, SoftmaxWithLossLayer


def setup(max_steps: int = 300, time_steps: int = 3, channels: int = 8) -> Kid:
    """A recurrent convolution for the digits: the network is unrolled `time_steps` times."""
    brain = Brain(time_steps=time_steps)
    brain.attach(
        ConvolutionLayer(3, out_channel_num=channels, name="conv1"),
        # "back" is attached later: zeros at the first time step, then what "back" gave in the step before.
        MergeLayer(inputs=["conv1", "back"], name="merge"),
        ReLULayer(name="relu1"),
        ConvolutionLayer(3, out_channel_num=channels, inputs=["relu1"], name="back"),
        InnerProductLayer(10, inputs=["relu1"], name="ip1"),
        SoftmaxWithLossLayer(10, inputs=["ip1", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    return Kid(Sensor(DigitsSource(), batch_size=64), brain, MomentumKongFu(0.02), max_steps=max_steps)


if __name__ == "__main__":
    setup().practice()
