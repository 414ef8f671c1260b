"""Measures against numpy, one batch and many, the last of them smaller."""

from __future__ import annotations

import math

import numpy as np
import pytest

from akid import layers
from akid.backend import tf
from akid.blocks.brain import value_of
from akid.blocks.trip import Trip
from akid.layers.measures import auc, average_precision

SIZE = 23
RNG = np.random.default_rng(5)
# Whole numbers, so that many are equal.
TIED = RNG.integers(-2, 3, size=(SIZE, 4)).astype("float32")
SCORES = RNG.normal(size=(SIZE, 4)).astype("float32")
CLASSES = RNG.integers(0, 4, size=SIZE)
BITS = (RNG.random((SIZE, 4)) > 0.6).astype("int32")


def over_batches(layer, predictions, labels, size):
    """The measure over batches of ``size``, as an engine would have it."""
    noted = []
    for start in range(0, len(labels), size):
        trip = Trip()
        layer([tf.constant(predictions[start : start + size]), tf.constant(labels[start : start + size])], trip)
        noted += trip.evals.values()
    return value_of(noted)


def by_lot(scores, classes, k):
    """The mean over all orders of equal scores: of ``e`` equal ones, each is as likely in each place."""
    hits = []
    for row, label in zip(scores, classes, strict=True):
        better, equal = sum(row > row[label]), sum(row == row[label])
        hits.append(np.mean([better + place < k for place in range(equal)]))
    return np.mean(hits)


def pairs_won(scores, bits):
    """Share of (positive, negative) pairs in order, equal scores half; the mean over columns that have pairs."""
    areas = []
    for s, b in zip(scores.T, bits.T, strict=True):
        won = [(p > n) + 0.5 * (p == n) for p in s[b > 0] for n in s[b <= 0]]
        areas += [np.mean(won)] if won else []
    return np.mean(areas)


def precision_at_positives(scores, bits):
    precisions = []
    for s, b in zip(scores.T, bits.T, strict=True):
        positive = b > 0
        if positive.any():
            precisions.append(np.mean([positive[s >= t].mean() for t in s[positive]]))
    return np.mean(precisions)


def first_best(scores, classes):
    return np.mean(scores.argmax(1) == classes)


CASES = {
    "accuracy": (layers.AccuracyLayer(), SCORES, CLASSES, first_best),
    "accuracy ties": (layers.AccuracyLayer(), TIED, CLASSES, first_best),
    "accuracy one-hot": (layers.AccuracyLayer(), SCORES, np.eye(4)[CLASSES], lambda s, _: first_best(s, CLASSES)),
    "top 1": (layers.TopKAccuracyLayer(1), SCORES, CLASSES, first_best),
    "top 2": (layers.TopKAccuracyLayer(2), SCORES, CLASSES, lambda s, c: by_lot(s, c, 2)),
    "top 2 ties": (layers.TopKAccuracyLayer(2), TIED, CLASSES, lambda s, c: by_lot(s, c, 2)),
    "binary": (layers.BinaryAccuracyLayer(), SCORES, BITS, lambda s, b: np.mean((s > 0) == (b > 0))),
    "binary signs": (layers.BinaryAccuracyLayer(), SCORES, 2 * BITS - 1, lambda s, b: np.mean((s > 0) == (b > 0))),
    "binary probabilities": (
        layers.BinaryAccuracyLayer(0.5),
        1 / (1 + np.exp(-SCORES)),
        BITS,
        lambda s, b: np.mean((s > 0.5) == (b > 0)),
    ),
    "auc": (layers.AUCLayer(), SCORES, BITS, pairs_won),
    "auc ties": (layers.AUCLayer(), TIED, BITS, pairs_won),
    "auc signs": (layers.AUCLayer(), TIED, 2 * BITS - 1, pairs_won),
    "auc vector": (layers.AUCLayer(), TIED[:, 0], BITS[:, 0], lambda s, b: pairs_won(s[:, None], b[:, None])),
    "auc infinite": (
        layers.AUCLayer(),
        np.where(TIED > 1, np.inf, np.where(TIED < 0, -np.inf, TIED)),
        BITS,
        pairs_won,
    ),
    "map": (layers.MeanAveragePrecisionLayer(), SCORES, BITS, precision_at_positives),
    "map ties": (layers.MeanAveragePrecisionLayer(), TIED, BITS, precision_at_positives),
    "map infinite": (
        layers.MeanAveragePrecisionLayer(),
        np.where(TIED > 0, TIED, -np.inf),
        BITS,
        precision_at_positives,
    ),
}


@pytest.mark.parametrize("size", [SIZE, 5, 1])
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_numpy_whatever_the_batches(case, size):
    layer, predictions, labels, by_hand = CASES[case]
    expected = by_hand(predictions.astype("float64"), labels)
    assert over_batches(layer.clone(), predictions, labels, size) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_layer_gives_the_measure_of_the_batch_in_a_graph_too(case):
    layer, predictions, labels, by_hand = CASES[case]
    run = tf.function(layer.clone().__call__, autograph=False)
    value = run([tf.constant(predictions), tf.constant(labels)])
    assert value.dtype == tf.float32
    assert float(value) == pytest.approx(by_hand(predictions.astype("float64"), labels), rel=1e-5)


def test_every_eval_is_tried():
    tried = {type(case[0]) for case in CASES.values()}
    kinds = {k for k in vars(layers).values() if isinstance(k, type) and issubclass(k, layers.EvalLayer)}
    assert tried == kinds - {layers.EvalLayer}


def test_a_smaller_last_batch_counts_by_its_rows():
    scores = np.array([[1.0, 0.0]] * 5, "float32")
    # The last batch has one example, which is wrong: 4/5, not the mean of 1 and 0.
    assert over_batches(layers.AccuracyLayer(), scores, np.array([0, 0, 0, 0, 1]), 4) == pytest.approx(0.8)


def test_a_brain_that_cannot_tell_classes_apart_has_no_top_k_accuracy_to_boast_of():
    scores, classes = np.zeros((8, 10), "float32"), np.arange(8)
    assert over_batches(layers.TopKAccuracyLayer(3), scores, classes, 8) == pytest.approx(0.3)


def test_a_score_that_is_nan_is_no_hit():
    scores = np.full((4, 10), np.nan, "float32")
    assert over_batches(layers.TopKAccuracyLayer(3), scores, np.arange(4), 4) == 0.0


@pytest.mark.parametrize("layer", [layers.AUCLayer(), layers.MeanAveragePrecisionLayer()])
def test_a_measure_without_positives_is_nan_and_the_layer_still_finite(layer):
    scores, labels = np.ones((3, 2), "float32"), np.zeros((3, 2), "int32")
    assert math.isnan(over_batches(layer, scores, labels, 2))
    assert float(layer([scores, labels], Trip(debug=True))) == 0.0


def test_a_column_without_positives_does_not_count():
    scores = np.array([[1, 5], [2, 5], [3, 5]], "float32")
    labels = np.array([[0, 0], [1, 0], [1, 0]])
    assert over_batches(layers.AUCLayer(), scores, labels, 2) == 1.0
    assert over_batches(layers.MeanAveragePrecisionLayer(), scores, labels, 2) == 1.0


@pytest.mark.parametrize("measure", [auc, average_precision])
def test_a_column_with_a_nan_is_nan(measure):
    scores = tf.constant([[1.0, np.nan], [2.0, 1.0], [0.0, 3.0]])
    values = measure(scores, tf.constant([[True, True], [True, False], [False, True]])).numpy()
    assert np.isnan(values).tolist() == [False, True]


class MeanDistance(layers.EvalLayer):
    """Returns its measure, as the base class says, and notes nothing."""

    def _measure(self, predictions, labels, trip):
        return tf.reduce_mean(tf.abs(predictions - tf.cast(labels, predictions.dtype)))


class NamedDistance(layers.EvalLayer):
    """Notes its measure under another name."""

    def _measure(self, predictions, labels, trip):
        value = tf.reduce_mean(predictions)
        trip.eval(value, 2.0, "mean")
        return value


@pytest.mark.parametrize("size", [23, 10, 1])
def test_what_a_measure_returns_is_noted(size):
    expected = np.abs(SCORES - BITS).mean()
    np.testing.assert_allclose(over_batches(MeanDistance(), SCORES, BITS, size), expected, rtol=1e-5)


def test_what_a_measure_notes_itself_is_not_noted_again():
    trip = Trip()
    NamedDistance(name="it")([tf.constant(SCORES), tf.constant(BITS)], trip)
    assert list(trip.evals) == ["it/mean"]
    with trip.at_time(0, last=False):
        MeanDistance(name="early")([tf.constant(SCORES), tf.constant(BITS)], trip)
    assert list(trip.evals) == ["it/mean"]
