"""A block of one's own: two short methods. Run it: python examples/custom_block.py"""

from __future__ import annotations

from akid import Brain, DigitsSource, Kid, MomentumKongFu, ProcessingLayer, Sensor
from akid.layers import InnerProductLayer, ReLULayer, SoftmaxWithLossLayer


class ScaleLayer(ProcessingLayer):
    """Multiplies every channel by a gain that is learnt."""

    def _setup(self, x):
        # Once, when the first signal's shape is known.
        self.gain = self.variable("gain", x.shape[-1:], init="ones")

    def _forward(self, x, trip):
        return self.gain * x


def setup(max_steps: int = 300, width: int = 64) -> Kid:
    """A network for the digits with a gain for every feature."""
    brain = Brain()
    brain.attach(
        InnerProductLayer(width, name="ip1"),
        ScaleLayer(name="scale1"),
        ReLULayer(name="relu1"),
        InnerProductLayer(10, name="ip2"),
        SoftmaxWithLossLayer(10, inputs=["ip2", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    return Kid(Sensor(DigitsSource(), batch_size=64), brain, MomentumKongFu(0.05), max_steps=max_steps)


if __name__ == "__main__":
    kid = setup()
    kid.practice()
    print("gains:", kid.brain["scale1/gain"].numpy().round(2))
