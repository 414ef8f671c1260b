"""Initialisers: moments and bounds of what they draw, and that it depends on name and seed only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from akid.blocks.initializers import Initializer, fans
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import ConvolutionLayer, InnerProductLayer

SHAPE = (5, 5, 20, 40)  # 20,000 numbers; fan in 500, fan out 1000
SIZE = math.prod(SHAPE)


def drawn(spec: Any, shape: tuple[int, ...] = SHAPE, name: str = "conv1/weights", seed: int = 7) -> np.ndarray:
    return Initializer.of(spec)(shape, name, seed).numpy()


def uniform_bounds(variance: float) -> tuple[float, float]:
    return -math.sqrt(3 * variance), math.sqrt(3 * variance)


UNIFORM = [
    ({"name": "uniform", "range": 0.005}, (-0.005, 0.005)),
    ({"name": "uniform", "low": 1.0, "high": 3.0}, (1.0, 3.0)),
    ({"name": "uniform", "low": -1.0, "high": 0.0}, (-1.0, 0.0)),
    ("xavier", uniform_bounds(2 / 1500)),
    ({"name": "msra", "uniform": True}, uniform_bounds(2 / 500)),
    ("uniform_unit_scaling", uniform_bounds(1 / 500)),
    ({"name": "uniform_unit_scaling", "factor": 2.0}, uniform_bounds(4 / 500)),
]
NORMAL = [
    ("normal", 0.1),
    ({"name": "normal", "stddev": 2.0}, 2.0),
    ({"name": "xavier", "uniform": False}, math.sqrt(2 / 1500)),
    ("msra", math.sqrt(2 / 500)),
    ({"name": "msra", "fan": "out", "factor": 3.0}, 3 * math.sqrt(2 / 1000)),
]


@pytest.mark.parametrize(("spec", "bounds"), UNIFORM, ids=str)
def test_uniform_ones_fill_their_range_evenly(spec: Any, bounds: tuple[float, float]) -> None:
    low, high = bounds
    x = (drawn(spec) - low) / (high - low)
    assert -1e-6 <= x.min() < 0.001
    assert 0.999 < x.max() <= 1.0 + 1e-6
    counts = np.histogram(x, 10, (-1e-6, 1 + 1e-6))[0]
    assert np.abs(counts - SIZE / 10).max() < 5 * math.sqrt(SIZE / 10)


@pytest.mark.parametrize(("spec", "stddev"), NORMAL, ids=str)
def test_normal_ones_have_their_moments(spec: Any, stddev: float) -> None:
    x = drawn(spec) / stddev
    assert abs(x.mean()) < 5 / math.sqrt(SIZE)
    assert abs(x.std() - 1) < 5 / math.sqrt(2 * SIZE)
    assert abs((np.abs(x) < 1).mean() - 0.6827) < 0.02
    assert np.abs(x).max() > 3


def test_truncated_normal_is_cut_at_two_deviations() -> None:
    x = drawn({"name": "truncated_normal", "stddev": 0.5}) / 0.5
    assert 1.98 < np.abs(x).max() <= 2.0
    # Variance of a normal cut at 2: 1 - 2 * 2 * pdf(2) / (2 cdf(2) - 1).
    pdf, mass = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(2 / math.sqrt(2))
    assert abs(x.std() - math.sqrt(1 - 4 * pdf / mass)) < 0.02
    assert abs(x.mean()) < 5 / math.sqrt(SIZE)
    assert abs((np.abs(x) < 1).mean() - 0.6827 / mass) < 0.02


def test_constants() -> None:
    assert (drawn({"name": "constant", "value": 0.25}) == 0.25).all()
    assert (drawn("zeros") == 0).all()
    assert (drawn("ones") == 1).all()
    np.testing.assert_array_equal(drawn({"name": "constant", "value": [[1, 2]]}, (1, 2)), [[1, 2]])


@pytest.mark.parametrize(
    ("shape", "expected"), [((), (1, 1)), ((7,), (7, 7)), ((3, 4), (3, 4)), ((5, 5, 3, 4), (75, 100))]
)
def test_fans(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected


def test_a_draw_depends_on_name_and_seed_only() -> None:
    first = drawn("normal")
    np.testing.assert_array_equal(first, drawn("normal"))
    for other in (drawn("normal", name="conv2/weights"), drawn("normal", seed=8)):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05


def test_layers_draw_by_full_name_and_seed() -> None:
    x = np.zeros((1, 6), np.float32)
    weights = []
    for name, seed in (("ip", 1), ("ip", 1), ("ip", 2), ("other", 1)):
        layer = InnerProductLayer(5, {"name": "uniform", "range": 0.005}, name=name)
        layer(x, Trip(seed=seed))
        weights.append(layer.weights.numpy())
    assert (np.abs(weights[0]) <= 0.005).all()
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.allclose(weights[0], weights[2])
    assert not np.allclose(weights[0], weights[3])


def test_an_initializer_itself_is_taken() -> None:
    layer = ConvolutionLayer(1, out_channel_num=2, init_para=Initializer.of("ones"))
    layer(np.zeros((1, 3, 3, 1), np.float32))
    assert (layer.weights.numpy() == 1).all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("msr", r"Unknown initialiser. Did you mean 'msra'\? Received: 'msr'"),
        ({"range": 1}, r"Unknown initialiser. Known: constant, .* Received: \{'range': 1\}"),
        (
            {"name": "msra", "scale": 1},
            r"The initialiser 'msra' takes \['factor', 'uniform', 'fan'\]. Unknown: 'scale'. Received: \{",
        ),
        ({"name": "zeros", "value": 1}, r"The initialiser 'zeros' takes no arguments"),
        (
            {"name": "uniform"},
            r"The initialiser 'uniform' takes either range, or low and high. Received: range=None, low=",
        ),
        ({"name": "uniform", "range": 1, "low": 0, "high": 1}, r"takes either range, or low and high"),
        (
            {"name": "msra", "fan": "both"},
            r"msra: fan must be one of \['in', 'out'\]. .*Received: fan='both'",
        ),
    ],
    ids=str,
)
def test_errors_of_initializers_teach(spec: Any, message: str) -> None:
    with pytest.raises(BlockError, match=message):
        Initializer.of(spec)


def test_a_constant_must_have_the_variables_shape() -> None:
    message = r"ip/w: the constant's shape must be that of the variable, \(3,\). Received: shape=\(2,\)"
    with pytest.raises(BlockError, match=message):
        Initializer.of({"name": "constant", "value": [1, 2]})((3,), "ip/w", 0)
