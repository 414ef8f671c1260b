"""Eval layers: how well a brain does. They note a measure and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Unpack

import numpy as np

from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.measures import auc, average_precision, binary_hits, class_hits, mean_of_known, top_k_hits
from akid.layers.options import LayerOptions
from akid.layers.targets import check_scores, class_numbers, like, rows, signals


class EvalLayer(ProcessingLayer):
    """A layer that notes a measure of ``[predictions, labels]`` under its own name, and gives that of the batch.

    A subclass writes ``_measure(predictions, labels, trip)``. In inference there is none.

    Args:
        **options: see `ProcessingLayer`.

    Raises:
        BlockError: the layer is given too few or too many signals, or shapes that do not fit.
    """

    stem = "eval"
    #: Which of its arguments are labels, which inference does without.
    label_args: ClassVar[tuple[int, ...]] = (1,)

    def _measure(self, predictions: tf.Tensor, labels: tf.Tensor, trip: Trip) -> tf.Tensor:
        """Scalar, the measure of the batch: the mean over its rows, unless it notes another on the trip itself."""
        raise NotImplementedError(f"{type(self).__name__} must define _measure(self, predictions, labels, trip)")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        predictions, labels = signals(self, x, ("predictions", "labels"))
        if trip.inferring:
            return None
        noted = len(trip.evals)
        value = self._measure(predictions, labels, trip)
        if len(trip.evals) == noted:
            trip.eval(value, rows(predictions))
        return tf.cast(value, self.dtype)

    def _mean(self, hits: tf.Tensor, trip: Trip) -> tf.Tensor:
        """Note the mean of ``[batch, ...]``; batches count by their rows."""
        value = tf.reduce_mean(hits)
        trip.eval(value, rows(hits))
        return value


class AccuracyLayer(EvalLayer):
    """The share of examples whose largest score is the label's; of equal scores the first is the answer.

    Predictions are ``[batch, class_num]``, labels class numbers ``[batch]`` or probabilities of the predictions'
    shape. With ``TopKAccuracyLayer(1)`` equal scores share the hit instead.

    Args:
        **options: see `ProcessingLayer`.
    """

    stem = "accuracy"

    def _measure(self, predictions: tf.Tensor, labels: tf.Tensor, trip: Trip) -> tf.Tensor:
        targets = class_numbers(self, labels, check_scores(self, predictions))
        return self._mean(class_hits(predictions, targets), trip)


class TopKAccuracyLayer(EvalLayer):
    """The share of examples whose label is among the ``k`` largest scores; takes what `AccuracyLayer` takes.

    Equal scores share the places left: a hit counts what it would on average if ties were broken at random. So
    a brain that gives every class the same score has ``k / class_num``, not 1.

    Args:
        k: how many scores count.
        **options: see `ProcessingLayer`.
    """

    stem = "top_k_accuracy"

    def __init__(self, k: int = 5, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.k = self.check.integer("k", k)

    def _measure(self, predictions: tf.Tensor, labels: tf.Tensor, trip: Trip) -> tf.Tensor:
        class_num = check_scores(self, predictions)
        if self.k >= class_num:
            raise BlockError(
                f"{self.name}: k must be less than the {class_num} classes, else every example is a hit."
                f" Received: k={self.k}"
            )
        targets = class_numbers(self, labels, class_num)
        return self._mean(top_k_hits(predictions, targets, self.k), trip)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"k": self.k}


class BinaryAccuracyLayer(EvalLayer):
    """The share of elements on the right side of ``threshold``; predictions and labels have equal shapes.

    Labels are 0 and 1, or -1 and 1.

    Args:
        threshold: of the predictions: 0 for logits and for scores of a hinge loss, 0.5 for probabilities.
        **options: see `ProcessingLayer`.
    """

    stem = "binary_accuracy"

    def __init__(self, threshold: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.threshold = self.check.number("threshold", threshold)

    def _measure(self, predictions: tf.Tensor, labels: tf.Tensor, trip: Trip) -> tf.Tensor:
        return self._mean(binary_hits(predictions, like(self, labels, predictions), self.threshold), trip)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"threshold": self.threshold}


class RankingEvalLayer(EvalLayer):
    """A measure of the order of all examples of a split, so it is exact only over all of them at once.

    Scores and labels are ``[batch]`` or ``[batch, class_num]``, labels 0 and 1 or -1 and 1; every column is
    measured by itself, and the mean is over the columns where the measure is defined. It is NaN if that is none;
    the layer itself gives 0 then.
    """

    #: Scores and positives ``[examples, class_num]`` to the measure of every column.
    measure: ClassVar[Callable[[tf.Tensor, tf.Tensor], tf.Tensor]]

    def _measure(self, predictions: tf.Tensor, labels: tf.Tensor, trip: Trip) -> tf.Tensor:
        if predictions.shape.rank not in (1, 2):
            raise BlockError(
                f"{self.name}: the predictions must have the shape [batch] or [batch, class_num]."
                f" Received: shape={tuple(predictions.shape)}"
            )
        positive = like(self, labels, predictions) > 0.5
        columns = 1 if predictions.shape.rank == 1 else predictions.shape[1]
        parts = [tf.reshape(part, [-1, columns]) for part in (predictions, positive)]
        trip.gather(parts, self._finish)
        value = mean_of_known(type(self).measure(*parts))
        return tf.where(tf.math.is_nan(value), tf.zeros_like(value), value)

    def _finish(self, *parts: np.ndarray) -> float:
        return float(mean_of_known(type(self).measure(*(tf.constant(part) for part in parts))))


class AUCLayer(RankingEvalLayer):
    """Area under the receiver operating characteristic: how likely a positive has a higher score than a negative.

    Exact over the whole split; equal scores count half (Hanley & McNeil, 1982). Takes what `RankingEvalLayer`
    takes; a column is defined if it has positives and negatives.

    Args:
        **options: see `ProcessingLayer`.
    """

    stem = "auc"
    measure = staticmethod(auc)


class MeanAveragePrecisionLayer(RankingEvalLayer):
    """Mean over the classes of the average precision: mAP of examples that may have several labels.

    Exact over the whole split, without interpolation; equal scores are one threshold. Takes what
    `RankingEvalLayer` takes; a column is defined if it has positives.

    Args:
        **options: see `ProcessingLayer`.
    """

    stem = "map"
    measure = staticmethod(average_precision)
