"""Any Keras layer inside a brain. Run it: python examples/keras_layer.py"""

from __future__ import annotations

import keras

from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
from akid.layers import FlattenLayer, InnerProductLayer, KerasLayer, SoftmaxWithLossLayer


def setup(max_steps: int = 300, units: int = 32) -> Kid:
    """A Keras layer between two of akid's; its variables are the brain's, as `dense/kernel` and `dense/bias`."""
    brain = Brain()
    brain.attach(
        FlattenLayer(name="flat"),
        KerasLayer(keras.layers.Dense(units, activation="gelu"), name="dense"),
        InnerProductLayer(10, name="ip"),
        SoftmaxWithLossLayer(10, inputs=["ip", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    return Kid(Sensor(DigitsSource(), batch_size=64), brain, MomentumKongFu(0.05), max_steps=max_steps)


if __name__ == "__main__":
    kid = setup()
    kid.practice()
    print(kid.brain["dense/kernel"].shape)
