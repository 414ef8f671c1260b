"""Several labels, several losses: which digit it is, and whether it is odd.

Run it: python examples/two_losses.py
"""

from __future__ import annotations

from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
from akid.layers import InnerProductLayer, ReLULayer, SoftmaxWithLossLayer


class DigitsAndParity(DigitsSource):
    """The digits with a second label: 1 if the digit is odd."""

    def load(self):
        return {split: [x, digits, digits % 2] for split, (x, digits) in super().load().items()}


def setup(max_steps: int = 300, width: int = 64) -> Kid:
    """One trunk, two heads; `system_in` is [images, digits, parities]."""
    brain = Brain()
    brain.attach(
        InnerProductLayer(width, name="ip"),
        ReLULayer(name="relu"),
        InnerProductLayer(10, inputs=["relu"], name="ip_digit"),
        InnerProductLayer(2, inputs=["relu"], name="ip_parity"),
        SoftmaxWithLossLayer(10, inputs=["ip_digit", {"name": "system_in", "idxs": [1]}], name="digit"),
        SoftmaxWithLossLayer(
            2, multiplier=0.5, inputs=["ip_parity", {"name": "system_in", "idxs": [2]}], name="parity"
        ),
    )
    return Kid(Sensor(DigitsAndParity(), batch_size=64), brain, MomentumKongFu(0.05), max_steps=max_steps)


if __name__ == "__main__":
    loss, measures = setup().practice(return_eval=True)
    print(loss, measures)
