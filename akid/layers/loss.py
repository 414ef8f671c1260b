"""Loss layers: what the brain is to make small."""

from __future__ import annotations

from typing import Any

from akid.backend import tf
from akid.blocks import ProcessingLayer, Signal
from akid.errors import BlockError
from akid.layers.synapse import Inputs
from akid.trips import Trip


class LossLayer(ProcessingLayer):
    """A layer that notes a loss, the mean over the batch times ``multiplier``, and gives it.

    Args:
        multiplier: the weight of this loss among several.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "loss"

    def __init__(
        self,
        multiplier: float = 1.0,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.multiplier = multiplier

    def _loss(self, x: list[Any], trip: Trip) -> tf.Tensor:
        """Scalar, the mean over the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define _loss(self, x, trip)")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if not isinstance(x, (list, tuple)) or len(x) < 2:
            raise BlockError(
                f"{self.name}: a {type(self).__name__} takes [predictions, labels]; name them by inputs=["
                '{"name": <block>, "idxs": [0]}, {"name": "system_in", "idxs": [1]}]. '
                f"Received: {'a list of 1' if isinstance(x, (list, tuple)) else 'one tensor'}"
            )
        loss = self._loss(list(x), trip) * self.multiplier
        trip.loss(loss)
        return loss

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"multiplier": None if self.multiplier == 1.0 else self.multiplier}


def rows(x: tf.Tensor) -> tf.Tensor:
    """Scalar int32, the number of examples."""
    return tf.shape(x)[0]


class SoftmaxWithLossLayer(LossLayer):
    """Cross entropy of the softmax of ``[logits, labels]``; notes the accuracy.

    Args:
        class_num: number of classes; the logits' last dimension.
        multiplier, name, inputs, dtype: see `LossLayer`. Labels are class numbers ``[batch]`` or
            probabilities ``[batch, class_num]``.
    """

    def __init__(
        self,
        class_num: int,
        multiplier: float = 1.0,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(multiplier, name, inputs, dtype=dtype)
        self.class_num = class_num

    def _setup(self, x: Signal) -> None:
        logits = x[0] if isinstance(x, (list, tuple)) else x
        if logits.shape.rank != 2 or logits.shape[-1] != self.class_num:
            raise BlockError(
                f"{self.name}: the logits must have the shape [batch, class_num={self.class_num}]."
                f" Received: shape={tuple(logits.shape)}"
            )

    def _loss(self, x: list[Any], trip: Trip) -> tf.Tensor:
        logits, labels = x[0], x[1]
        if labels.shape.rank == 2 and labels.shape[-1] == self.class_num:
            targets = tf.argmax(labels, -1)
            losses = tf.nn.softmax_cross_entropy_with_logits(tf.cast(labels, logits.dtype), logits)
        else:
            targets = tf.cast(tf.reshape(labels, [-1]), tf.int64)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        right = tf.cast(tf.equal(tf.argmax(logits, -1), targets), tf.float32)
        trip.eval(tf.reduce_mean(right), rows(logits), "accuracy")
        return tf.reduce_mean(losses)

    def infer(self, args: list[Any], trip: Trip) -> Signal | None:
        """Without labels: the probabilities, as an output of their own."""
        if args[0] is None:
            return None
        trip.output(tf.nn.softmax(args[0]))
        return None
