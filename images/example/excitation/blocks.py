"""Channels weighed by what all of the picture shows (Hu et al., Squeeze-and-Excitation Networks, 2018)."""

from __future__ import annotations

import tensorflow as tf

from akid import ProcessingLayer


class ExcitationLayer(ProcessingLayer):
    """Multiplies every channel of ``[batch, height, width, channels]`` by a gate in (0, 1).

    Args:
        reduction: by how much fewer units than channels decide about the gates.
    """

    def __init__(self, reduction: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.reduction = self.check.integer("reduction", reduction)

    def _setup(self, x):
        channels = x.shape[-1]
        units = max(1, channels // self.reduction)
        self.squeeze = self.variable("squeeze", [channels, units], init="msra")
        self.excite = self.variable("excite", [units, channels], init="msra")

    def _forward(self, x, trip):
        shown = tf.reduce_mean(x, [1, 2])
        gates = tf.sigmoid(tf.nn.relu(shown @ self.squeeze) @ self.excite)
        return x * gates[:, None, None, :]
