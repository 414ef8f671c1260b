"""Mixup of examples and their labels; jokers of one's own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.jokers import FunctionJoker, Joker, MixupJoker
from akid.jokers.mix import beta_quantiles

DRAW = np.random.default_rng(0)
FLOATS = DRAW.normal(size=(5, 4, 3, 2)).astype(np.float32)
NUMBERS = np.array([0, 3, 1, 2, 3], np.int32)


def play(joker, batch, step=0):
    return [t.numpy() for t in joker([tf.constant(b) for b in batch], Trip(True, step, seed=2))]


def share_of(out, data):
    before = np.roll(data, 1, 0)
    shares = ((out - before) / (data - before)).ravel()
    np.testing.assert_allclose(shares, shares[0], atol=1e-3)
    return float(np.median(shares))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_mixup_mixes_each_row_with_the_one_before_and_the_labels_alike(dtype):
    data, label = play(MixupJoker(1.0, class_num=4), [FLOATS, NUMBERS.astype(dtype)])
    share = share_of(data, FLOATS)
    dense = np.eye(4, dtype=np.float32)[NUMBERS]
    assert 0 < share < 1
    assert data.dtype == label.dtype == np.float32
    np.testing.assert_allclose(data, share * FLOATS + (1 - share) * np.roll(FLOATS, 1, 0), atol=1e-5)
    np.testing.assert_allclose(label, share * dense + (1 - share) * np.roll(dense, 1, 0), atol=1e-5)


def test_mixup_makes_floats_of_bytes():
    pixels = DRAW.integers(0, 256, (5, 4, 4, 1), np.uint8)
    data, _ = play(MixupJoker(1.0, class_num=4), [pixels, NUMBERS])
    of_floats, _ = play(MixupJoker(1.0, class_num=4), [pixels.astype(np.float32), NUMBERS])
    np.testing.assert_array_equal(data, of_floats)


def test_mixup_mixes_several_labels_each_in_its_way():
    targets = DRAW.normal(size=(5, 2)).astype(np.float32)
    data, first, second, third = play(MixupJoker(0.7, class_num=[4, 9]), [FLOATS, NUMBERS, NUMBERS + 5, targets])
    share = share_of(data, FLOATS)
    for out, label in ((first, np.eye(4)[NUMBERS]), (second, np.eye(9)[NUMBERS + 5]), (third, targets)):
        np.testing.assert_allclose(out, share * label + (1 - share) * np.roll(label, 1, 0), atol=1e-5)


def test_mixup_needs_no_labels():
    (data,) = play(MixupJoker(1.0), [FLOATS])
    share_of(data, FLOATS)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 3.0, 50.0, 2000.0])
def test_the_share_is_drawn_from_a_beta_distribution(alpha):
    drawn = np.random.default_rng(0).beta(alpha, alpha, 200_000)
    at = [math.erfc(-n / math.sqrt(2)) / 2 for n in np.linspace(-5.3, 5.3, 1025)]
    quantiles = beta_quantiles(alpha)
    assert len(quantiles) == 1025
    # The quantiles of a sample are noisy at the ends of a wide distribution.
    np.testing.assert_allclose(quantiles[240:-240], np.quantile(drawn, at)[240:-240], atol=0.025)
    np.testing.assert_allclose(quantiles[320:-320], np.quantile(drawn, at)[320:-320], atol=0.006)


def beta_share(alpha: float, probability: float) -> float:
    """The quantile by halving; the distribution function is a binomial sum, or the arcsine's."""
    if alpha == 0.5:
        return math.sin(math.pi * probability / 2) ** 2

    def below(x: float) -> float:
        n = int(2 * alpha - 1)
        return sum(math.comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(int(alpha), n + 1))

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < probability else (low, middle)
    return low


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 100.0])
def test_shares_between_the_tables_points_are_right_up_to_the_ends(alpha, monkeypatch):
    joker, trip = MixupJoker(alpha), Trip(True)
    for probability in (2.0**-20, 0.0004, 0.0007, 0.02, 0.3, 0.5, 0.77, 0.9995, 0.9999):
        monkeypatch.setattr(trip, "random", lambda shape, p=probability: tf.constant([p]))
        assert float(joker._share(trip)) == pytest.approx(beta_share(alpha, probability), abs=2e-4)
    monkeypatch.setattr(trip, "random", lambda shape: tf.constant([0.0]))
    assert 0 <= float(joker._share(trip)) < 0.33


def test_the_share_of_each_step_is_another():
    joker = MixupJoker(1.0, class_num=4)
    shares = [share_of(play(joker, [FLOATS, NUMBERS], step)[0], FLOATS) for step in range(40)]
    assert len(set(np.round(shares, 5))) == 40
    assert np.mean(shares) == pytest.approx(0.5, abs=0.15)
    assert min(shares) < 0.15 < 0.85 < max(shares)


def test_a_function_of_the_batch_is_a_joker():
    joker = FunctionJoker(lambda data, trip: 1.0 - data if trip.training else data)
    data, label = play(joker, [FLOATS, NUMBERS])
    np.testing.assert_array_equal(data, 1 - FLOATS)
    np.testing.assert_array_equal(label, NUMBERS)
    np.testing.assert_array_equal(joker(FLOATS, Trip()), FLOATS)


def test_a_joker_of_ones_own_is_one_short_method():
    class NoiseJoker(Joker):
        def _joke(self, data, trip):
            return data + 0.1 * trip.random(tf.shape(data), "normal")

    noise = (play(NoiseJoker(), [FLOATS])[0] - FLOATS) / 0.1
    assert noise.mean() == pytest.approx(0, abs=0.3)
    assert noise.std() == pytest.approx(1, abs=0.3)


def test_a_joker_of_ones_own_may_change_labels():
    class ShiftJoker(Joker):
        def _forward(self, x, trip):
            data, label = x
            return [data, label + 1]

    np.testing.assert_array_equal(play(ShiftJoker(), [FLOATS, NUMBERS])[1], NUMBERS + 1)
