"""Losses of numbers: squared errors, binary cross entropy, the divergence from a Gaussian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.loss import LossLayer
from akid.layers.measures import binary_hits
from akid.layers.options import LossOptions
from akid.layers.targets import like, rows
from akid.op_errors import check_values

#: Added to the variance of a batch, whose logarithm is taken.
_LEAST_VARIANCE = 1e-6


class MSELossLayer(LossLayer):
    """Squared errors of ``[predictions, labels]``, of any equal shapes.

    Args:
        size_average: the mean over all elements; if not, the sum over an example's elements, the mean over the
            batch.
        **options: see `LossLayer`.
    """

    def __init__(
        self,
        size_average: bool = True,
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(**options)
        self.size_average = self.check.flag("size_average", size_average)

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> tf.Tensor:
        predictions, labels = x
        squares = tf.math.squared_difference(predictions, like(self, labels, predictions))
        if self.size_average:
            return tf.reduce_mean(squares)
        return tf.reduce_sum(squares) / tf.cast(rows(predictions), predictions.dtype)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"size_average": self.size_average, **super().options()}


class BCELossLayer(LossLayer):
    """Cross entropy of the sigmoid of ``[logits, labels]``, of equal shapes: the mean over all elements.

    For two classes, or for several that do not exclude each other. Labels are 0 and 1, or between. Notes the
    accuracy at a probability of 0.5. Infers the probabilities.

    Args:
        pos_weight: how many times a positive counts; a number, or one for every class. An optional third input
            does the same: ``[logits, labels, pos_weight]``.
        **options: see `LossLayer`.
    """

    takes = ("logits", "labels")
    optional = ("pos_weight",)

    def __init__(
        self,
        pos_weight: float | Sequence[float] | None = None,
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(**options)
        self.pos_weight: float | list[float] | None = None
        if isinstance(pos_weight, (list, tuple)):
            self.pos_weight = [self._weight(w, f"pos_weight[{i}]") for i, w in enumerate(pos_weight)]
        elif pos_weight is not None:
            self.pos_weight = self._weight(pos_weight, "pos_weight")

    def _weight(self, value: Any, name: str) -> float:
        return self.check.number(name, value, least=0)

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> tf.Tensor:
        logits, labels, given = x
        check_values(labels, 0, 1, f"{self.name}: the labels must be 0 and 1, or between")
        labels = like(self, labels, logits)
        trip.eval(tf.reduce_mean(binary_hits(logits, labels)), rows(logits), "accuracy")
        weight = self._positive_weight(logits, given)
        if weight is None:
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(labels, logits, weight))

    def _positive_weight(self, logits: tf.Tensor, given: tf.Tensor | None) -> tf.Tensor | None:
        if given is not None and self.pos_weight is not None:
            raise BlockError(f"{self.name}: pos_weight is given twice, as an argument and as the third input.")
        if given is not None:
            return tf.cast(given, logits.dtype)
        if isinstance(self.pos_weight, list) and len(self.pos_weight) != logits.shape[-1]:
            raise BlockError(
                f"{self.name}: pos_weight must have a number for every class of the logits,"
                f" {tuple(logits.shape)}. Received: {len(self.pos_weight)} numbers"
            )
        return None if self.pos_weight is None else tf.constant(self.pos_weight, logits.dtype)

    def infer(self, args: list[tf.Tensor], trip: Trip) -> Signal | None:
        """Without labels: the probabilities, as an output of their own."""
        if args[0] is not None:
            trip.output(tf.sigmoid(args[0]))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"pos_weight": self.pos_weight, **super().options()}


class KLRegularizationLayer(LossLayer):
    """How far a diagonal Gaussian is from ``N(mean, std^2)``: the Kullback-Leibler divergence to it.

    Of ``[mean, log_variance]``, of equal shapes, what an encoder says of every example: the sum over the elements
    of an example, the mean over the batch (Kingma & Welling, 2014, appendix B). Of one tensor: the Gaussian that
    has the mean and the variance of every element over the batch, the sum over the elements.

    Args:
        mean: of the Gaussian to be near to.
        std: its standard deviation.
        **options: see `LossLayer`.
    """

    takes = ("mean",)
    optional = ("log_variance",)

    def __init__(
        self,
        mean: float = 0.0,
        std: float = 1.0,
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(**options)
        self.mean = self.check.number("mean", mean)
        self.std = self.check.number("std", std, above=0)

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> tf.Tensor:
        mean, log_variance = x
        if log_variance is None:
            mean, variance = tf.nn.moments(mean, [0])
            return tf.reduce_sum(self._divergence(mean, tf.math.log(variance + _LEAST_VARIANCE)))
        divergence = self._divergence(mean, like(self, log_variance, mean, "log_variance"))
        return tf.reduce_sum(divergence) / tf.cast(rows(mean), mean.dtype)

    def _divergence(self, mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
        spread = tf.exp(log_variance) + tf.square(mean - self.mean)
        return 0.5 * (2.0 * math.log(self.std) - log_variance + spread / self.std**2 - 1.0)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"mean": self.mean, "std": self.std, **super().options()}
