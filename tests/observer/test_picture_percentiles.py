"""Percentiles of histograms, against those of the values themselves."""

from __future__ import annotations

import numpy as np
import pytest

from akid.backend import tf
from akid.pictures.percentiles import LEVELS, percentiles_of
from akid.runs.inspection import BUCKETS, histogram

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(2.0, 0.5, 5000)


@pytest.mark.parametrize(
    "values",
    [NORMAL, RNG.uniform(-1, 3, 400), RNG.exponential(size=3000)],
    ids=["normal", "uniform", "exponential"],
)
def test_they_are_right_to_a_bucket(values):
    found = percentiles_of(histogram(tf.constant(values)).numpy())
    bucket = (values.max() - values.min()) / BUCKETS
    np.testing.assert_allclose(found[[0, -1]], [values.min(), values.max()], rtol=1e-6)
    np.testing.assert_allclose(found, np.quantile(values, LEVELS), atol=bucket)


def test_they_are_those_that_tensorboard_shows():
    from tensorboard.plugins.distribution import compressor

    table = histogram(tf.constant(NORMAL)).numpy()
    shown = compressor.compress_histogram(table)
    assert [points / 10_000 for points, _ in shown] == list(LEVELS)
    np.testing.assert_allclose(percentiles_of(table), [value for _, value in shown], atol=1e-9)


def test_those_of_the_paper_are_the_standard_deviations_of_a_normal():
    found = percentiles_of(histogram(tf.constant(NORMAL)).numpy())
    expected = [2.0 + k * 0.25 for k in (-3, -2, -1, 0, 1, 2, 3)]
    np.testing.assert_allclose(found[1:-1], expected, atol=0.06)


def test_the_zeros_of_rectified_activations_are_exact():
    values = np.maximum(RNG.normal(-0.5, 1.0, 8000), 0)
    table, zeros = histogram(tf.constant(values)).numpy(), float(np.mean(values == 0))
    assert percentiles_of(table)[4] > 0
    found = percentiles_of(table, zeros)
    assert (found[:5] == 0).all()
    np.testing.assert_allclose(found[5:], np.quantile(values, LEVELS[5:]), atol=values.max() / BUCKETS)


def test_zeros_in_the_middle_are_taken_out_of_their_bucket():
    table = np.array([[-3.0, -1.0, 10], [-1.0, 1.0, 80], [1.0, 3.0, 10]])
    found = percentiles_of(table, 0.6, (0.1, 0.2, 0.5, 0.8, 0.9))
    np.testing.assert_allclose(found, [-1.0, 0.0, 0.0, 0.0, 1.0], atol=1e-9)


def test_a_constant_is_each_of_its_percentiles():
    assert percentiles_of(histogram(tf.fill([9], 0.25)).numpy()).tolist() == [0.25] * len(LEVELS)
    assert percentiles_of(histogram(tf.zeros([9])).numpy(), 1.0).tolist() == [0.0] * len(LEVELS)


def test_nothing_has_none():
    assert np.isnan(percentiles_of(np.zeros([0, 3]))).all()
