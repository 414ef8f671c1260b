"""Measures of predictions, as pure functions of tensors."""

from __future__ import annotations

from akid.backend import tf


def top_k_hits(scores: tf.Tensor, targets: tf.Tensor, k: int) -> tf.Tensor:
    """Whether the target is among the ``k`` best classes, float32 ``[batch]``.

    Of equal scores none is preferred: if ``e`` of them, the target's included, compete for ``f`` places that are
    left, the hit counts ``f / e``, its average if ties were broken at random. A score that is NaN is no hit.

    Args:
        scores: ``[batch, class_num]``.
        targets: class numbers, int64 ``[batch]``.
        k: how many classes count.
    """
    target = tf.gather(scores, targets, batch_dims=1)[:, tf.newaxis]
    equal = tf.reduce_sum(tf.cast(tf.equal(scores, target), tf.float32), -1)
    not_worse = tf.reduce_sum(tf.cast(tf.logical_not(scores < target), tf.float32), -1)
    places = tf.cast(k, tf.float32) - (not_worse - equal)
    return tf.clip_by_value(tf.math.divide_no_nan(places, equal), 0.0, 1.0)


def class_hits(scores: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Whether the target has the largest score, float32 ``[batch]``.

    Of equal scores the first is the largest. Among scores of which one is NaN there is no largest: no hit.

    Args:
        scores: ``[..., class_num]``.
        targets: class numbers, int64 ``[...]``.
    """
    known = tf.logical_not(tf.reduce_any(tf.math.is_nan(scores), -1))
    return tf.cast(tf.logical_and(tf.equal(tf.argmax(scores, -1), targets), known), tf.float32)


def binary_hits(scores: tf.Tensor, labels: tf.Tensor, threshold: float = 0.0) -> tf.Tensor:
    """Whether ``scores > threshold`` where ``labels > 0.5``, and ``<=`` elsewhere, so NaN never hits; float32.

    Labels are 0 and 1 or -1 and 1.
    """
    return tf.cast(tf.where(labels > 0.5, scores > threshold, scores <= threshold), tf.float32)


def auc(scores: tf.Tensor, positive: tf.Tensor) -> tf.Tensor:
    """Area under the receiver operating characteristic of every column, float64 ``[class_num]``.

    The Mann-Whitney statistic, exact; equal scores have the mean of their ranks (Hanley & McNeil, 1982). NaN for a
    column without positives or negatives, or with a score that is NaN.

    Args:
        scores: ``[examples, class_num]``, finite or infinite.
        positive: bool, of the same shape.
    """
    first, last = _places(scores)
    ranks = tf.cast(first + last + 1, tf.float64) / 2.0
    mine = tf.cast(tf.transpose(positive), tf.float64)
    positives, negatives = tf.reduce_sum(mine, -1), tf.reduce_sum(1.0 - mine, -1)
    area = tf.reduce_sum(ranks * mine, -1) - positives * (positives + 1.0) / 2.0
    return _known(area / (positives * negatives), scores)


def average_precision(scores: tf.Tensor, positive: tf.Tensor) -> tf.Tensor:
    """Average precision of every column, float64 ``[class_num]``.

    The mean over the positives of the precision at their score, which counts all examples with at least that score
    (no interpolation; equal scores are one threshold). NaN for a column without positives, or with a score that is
    NaN.

    Args:
        scores: ``[examples, class_num]``, finite or infinite.
        positive: bool, of the same shape.
    """
    size = tf.shape(scores)[0]
    first, _ = _places(scores)
    mine = tf.transpose(positive)
    # The places of the positives, the others below all places.
    places = tf.sort(tf.where(mine, first, -1), -1)
    at_least = tf.cast(size - first, tf.float64)
    right = tf.cast(size - tf.searchsorted(places, first), tf.float64)
    hits = tf.cast(mine, tf.float64)
    return _known(tf.reduce_sum(hits * right / at_least, -1) / tf.reduce_sum(hits, -1), scores)


def mean_of_known(values: tf.Tensor) -> tf.Tensor:
    """The mean of those that are not NaN; NaN if all are."""
    known = tf.logical_not(tf.math.is_nan(values))
    total = tf.reduce_sum(tf.where(known, values, tf.zeros_like(values)))
    return total / tf.reduce_sum(tf.cast(known, values.dtype))


def _places(scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How many of its column are less than a score, and less or equal; int32 ``[class_num, examples]``."""
    columns = tf.transpose(scores)
    ordered = tf.sort(columns, -1)
    return tf.searchsorted(ordered, columns), tf.searchsorted(ordered, columns, side="right")


def _known(values: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """NaN in place of the value of a column with a NaN."""
    broken = tf.reduce_any(tf.math.is_nan(scores), 0)
    return tf.where(broken, tf.constant(float("nan"), values.dtype), values)
