"""Sends a signal through blocks on two replicas, in training; a program of its own, not a test.

Output: each replica's own state, before it is merged, after that, and after merging once more.
"""

from __future__ import annotations

import json
from typing import Any

from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.engines.state import StateMerger
from akid.engines.strategies import StrategyReplicas
from akid.layers import BatchNormalizationLayer, KerasLayer


class Counters(ProcessingLayer):
    """State of every kind."""

    def _setup(self, x: Any) -> None:
        self.kinds = {
            "sum": self.variable("sum", [], trainable=False, merge="sum"),
            "first": self.variable("first", [], trainable=False, merge="first"),
            "mean": self.variable("mean", [], trainable=False, merge="mean"),
            "float": self.variable("float", [], trainable=False),
            "int": self.variable("int", [], trainable=False, dtype=tf.int64),
        }

    def _forward(self, x: Any, trip: Trip) -> Any:
        if trip.updating:
            for variable in self.kinds.values():
                variable.assign_add(tf.cast(tf.reduce_max(x), variable.dtype))
        return x


def main() -> None:
    """Run."""
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
    replicas = StrategyReplicas(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    brain = Brain().attach(
        BatchNormalizationLayer(momentum=0.5, name="bn", inputs=["system_in"]),
        BatchNormalizationLayer(momentum=None, name="mean_of_all", inputs=["system_in"]),
        KerasLayer({"type": "BatchNormalization", "momentum": 0.5}, name="keras", inputs=["system_in"]),
        Counters(name="counters", inputs=["system_in"]),
    )
    with replicas.scope():
        brain.build([tf.TensorSpec([None, 2])])
    merge = StateMerger(brain, replicas)

    @tf.function(autograph=False)
    def step(scale: tf.Tensor) -> None:
        def replica() -> None:
            x = tf.constant([[0.0, 1.0], [2.0, 3.0]]) * scale + 10.0 * replicas.index()
            brain(x, Trip(training=True))

        replicas.run(replica)

    for scale in (1.0, 2.0):
        step(tf.constant(scale))
    state = {n: v for n, v in brain.named_variables().items() if not v.trainable}
    own = {n: copies(v) for n, v in state.items()}
    merge()
    once = {n: copies(v) for n, v in state.items()}
    merge()
    print(json.dumps({"own": own, "once": once, "twice": {n: copies(v) for n, v in state.items()}}))


def copies(variable: Any) -> list[Any]:
    """The values of the replicas."""
    return [copy.numpy().tolist() for copy in variable.values]


if __name__ == "__main__":
    main()
