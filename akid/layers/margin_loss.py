"""Losses that ask for a margin between right and wrong."""

from __future__ import annotations

from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.checks import optional
from akid.layers.loss import LossLayer, Mean
from akid.layers.measures import binary_hits
from akid.layers.options import LossOptions
from akid.layers.targets import check_scores, class_numbers, like, rows


class HingeLossLayer(LossLayer):
    """``max(0, margin - right + wrong)`` of ``[scores, labels]``, the mean over the batch; notes the accuracy.

    Without ``class_num``, binary: scores and labels have equal shapes, labels are -1 and 1 or 0 and 1, and an
    element's loss is ``max(0, margin - y * score)``. With it: scores ``[batch, class_num]``, labels as
    `SoftmaxWithLossLayer` takes them, and "wrong" is the best wrong class (Crammer & Singer, 2001).

    Args:
        class_num: number of classes, at least 2; None for binary.
        margin: how far the right one must be ahead.
        **options: see `LossLayer`.
    """

    takes = ("scores", "labels")

    def __init__(
        self,
        class_num: int | None = None,
        margin: float = 1.0,
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(**options)
        self.class_num = optional(self.check.integer, "class_num", class_num, least=2)
        self.margin = self.check.number("margin", margin, least=0)

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> tf.Tensor:
        scores, labels = x
        if self.class_num is None:
            return self._binary(scores, like(self, labels, scores), trip)
        check_scores(self, scores, self.class_num)
        targets = class_numbers(self, labels, self.class_num)
        trip.eval(tf.reduce_mean(self._hits(scores, targets, trip)), rows(scores), "accuracy")
        is_target = tf.one_hot(targets, self.class_num, True, False, dtype=tf.bool)
        wrong = tf.reduce_max(tf.where(is_target, tf.constant(scores.dtype.min, scores.dtype), scores), -1)
        right = tf.gather(scores, targets, batch_dims=1)
        return tf.reduce_mean(tf.nn.relu(self.margin - right + wrong))

    def _binary(self, scores: tf.Tensor, labels: tf.Tensor, trip: Trip) -> tf.Tensor:
        trip.eval(tf.reduce_mean(binary_hits(scores, labels)), rows(scores), "accuracy")
        signs = tf.where(labels > 0.5, tf.ones_like(scores), -tf.ones_like(scores))
        return tf.reduce_mean(tf.nn.relu(self.margin - signs * scores))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"class_num": self.class_num, "margin": self.margin, **super().options()}


class MarginRankingLossLayer(LossLayer):
    """``max(0, margin - (higher - lower))`` of ``[higher, lower]``, scores of equal shapes, one a pair.

    Notes the accuracy: the share of pairs in the right order. An optional third input says the order, positive
    where the first score is to be the higher one, else the second: ``[first, second, order]``.

    Args:
        margin: how far the higher score must be ahead.
        hard_sample_mining: the mean is over the pairs that violate the margin, not over all; in a validation over
            those of the whole split. Replicas that share a batch each take the mean over their own.
        **options: see `LossLayer`.
    """

    takes = ("higher", "lower")
    optional = ("order",)

    def __init__(
        self,
        margin: float = 1.0,
        hard_sample_mining: bool = False,
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(**options)
        self.margin = self.check.number("margin", margin, least=0)
        self.hard_sample_mining = self.check.flag("hard_sample_mining", hard_sample_mining)

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> Mean:
        higher, lower, order = x
        ahead = higher - like(self, lower, higher, "lower scores")
        if order is not None:
            ahead = tf.where(like(self, order, higher, "order") > 0, ahead, -ahead)
        trip.eval(tf.reduce_mean(tf.cast(ahead > 0, tf.float32)), rows(higher), "accuracy")
        losses = tf.nn.relu(self.margin - ahead)
        if not self.hard_sample_mining:
            return tf.reduce_mean(losses)
        violating = tf.reduce_sum(tf.cast(losses > 0, losses.dtype))
        return tf.math.divide_no_nan(tf.reduce_sum(losses), violating), violating

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {
            "margin": self.margin,
            "hard_sample_mining": self.hard_sample_mining or None,
            **super().options(),
        }
