"""A joker of one's own. Its randomness comes from the trip, so that a batch is a function of the step.

Run it: python examples/custom_joker.py
"""

from __future__ import annotations

import tensorflow as tf

from akid import DigitsSource, Joker, Kid, MomentumKongFu, Sensor
from akid.models.brains import MLP


class NoiseJoker(Joker):
    """Adds noise; being random, it plays in training only."""

    def __init__(self, stddev: float = 0.1, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev

    def _joke(self, data, trip):
        return data + self.stddev * trip.random(tf.shape(data), "normal")


def setup(max_steps: int = 300, stddev: float = 0.1) -> Kid:
    """A multi-layer perceptron that never sees the same digit twice."""
    sensor = Sensor(DigitsSource(), batch_size=64, jokers=[NoiseJoker(stddev)])
    return Kid(sensor, MLP(), MomentumKongFu(0.05), max_steps=max_steps)


if __name__ == "__main__":
    setup().practice()
