"""Activations, groups and dropout against numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid import layers
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import (
    AverageOutLayer,
    CollapseOutLayer,
    DropoutLayer,
    GroupSoftmaxLayer,
    MaxoutLayer,
    SoftmaxNormalizationLayer,
)

X = np.concatenate([np.linspace(-4, 4, 23), [0.0]]).astype(np.float32).reshape(3, 8)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2)(x)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
ORACLES: list[tuple[str, dict[str, Any], Callable[[np.ndarray], np.ndarray]]] = [
    ("ReLULayer", {}, lambda x: np.maximum(x, 0)),
    ("LeakyReLULayer", {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("LeakyReLULayer", {"slope": 0.5}, lambda x: np.where(x > 0, x, 0.5 * x)),
    ("ELULayer", {}, lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    ("SELULayer", {}, lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (np.exp(x) - 1))),
    ("GELULayer", {}, lambda x: x * normal_cdf(x)),
    (
        "GELULayer",
        {"approximate": True},
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    ("SiLULayer", {}, lambda x: x * sigmoid(x)),
    ("SigmoidLayer", {}, sigmoid),
    ("TanhLayer", {}, np.tanh),
    ("SoftplusLayer", {}, lambda x: np.log1p(np.exp(x))),
    ("SoftmaxLayer", {}, softmax),
]


@pytest.mark.parametrize(("name", "options", "oracle"), ORACLES, ids=[f"{n}{o or ''}" for n, o, _ in ORACLES])
def test_activation(name: str, options: dict[str, Any], oracle: Callable[[np.ndarray], np.ndarray]) -> None:
    np.testing.assert_allclose(getattr(layers, name)(**options)(X), oracle(X), atol=1e-5)


def test_an_activation_refuses_a_list_instead_of_stacking_it() -> None:
    with pytest.raises(BlockError, match=r"relu takes one tensor. Received: a list of 2. Name the one"):
        layers.ReLULayer()([X, X])


def groups(x: np.ndarray, size: int) -> np.ndarray:
    return x.reshape(*x.shape[:-1], -1, size)


def test_maxout_and_average_out() -> None:
    image = np.random.default_rng(0).normal(size=(2, 3, 3, 6)).astype(np.float32)
    np.testing.assert_allclose(MaxoutLayer(3)(image), groups(image, 3).max(-1))
    np.testing.assert_allclose(CollapseOutLayer(group_size=2)(image), groups(image, 2).max(-1))
    mean = CollapseOutLayer("average_out", group_size=2)(image)
    np.testing.assert_allclose(mean, groups(image, 2).mean(-1), rtol=1e-5)
    np.testing.assert_array_equal(AverageOutLayer(2)(image), mean)


def test_each_tensor_of_a_list_is_a_group() -> None:
    out = MaxoutLayer(99)([X[:, :3], X[:, 3:]])
    np.testing.assert_allclose(out, np.stack([X[:, :3].max(-1), X[:, 3:].max(-1)], -1))


def test_ngsmax_is_the_softmax_of_every_group() -> None:
    out = SoftmaxNormalizationLayer(group_size=4)(X)
    np.testing.assert_allclose(out, softmax(groups(X, 4)).reshape(X.shape), atol=1e-6)


def ground(x: np.ndarray) -> np.ndarray:
    """Softmax with a ground state, a logit of 1, which is dropped."""
    return np.exp(x) / (np.e + np.exp(x).sum(-1, keepdims=True))


def test_gsmax_has_a_ground_state() -> None:
    out = GroupSoftmaxLayer(group_size=4)(X).numpy()
    np.testing.assert_allclose(out, ground(groups(X, 4)).reshape(X.shape), atol=1e-6)
    assert (groups(out, 4).sum(-1) < 1).all()


def test_gsmax_of_groups_of_one_is_a_sigmoid() -> None:
    np.testing.assert_allclose(GroupSoftmaxLayer(group_size=1)(X), sigmoid(X), atol=1e-6)


def test_gsmax_gives_a_list_if_asked() -> None:
    out = GroupSoftmaxLayer(concat_output=False, group_size=2)(X)
    assert len(out) == 4
    np.testing.assert_allclose(out[1], ground(X[:, 2:4]), atol=1e-6)
    out = GroupSoftmaxLayer(concat_output=False)([X[:, :3], X[:, 3:]])
    np.testing.assert_allclose(out[1], ground(X[:, 3:]), atol=1e-6)


@pytest.mark.parametrize("list_output", [False, True])
def test_the_temperature_counts_and_is_learnt(list_output: bool) -> None:
    layer = GroupSoftmaxLayer(not list_output, use_temperature=True, group_size=8, name="g")
    out = layer(X)
    assert list(layer.parameters) == ["T"]
    np.testing.assert_allclose(out[0] if list_output else out, ground(X / 10), atol=1e-6)
    layer.own_variables["T"].assign(0.5)
    out = layer(X)
    np.testing.assert_allclose(out[0] if list_output else out, ground(X / 0.5), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxoutLayer(3)(X), r"maxout: the channels must be a multiple of group_size=3. .* shape=\(3, 8\)"),
        (lambda: MaxoutLayer(0), r"maxout: group_size must be an integer >= 1. Received: group_size=0"),
        (
            lambda: CollapseOutLayer("maxuot"),  # type: ignore[arg-type]
            r"collapse: type must be one of \['maxout', 'average_out'\]. Did you mean 'maxout'\? .*'maxuot'",
        ),
        (lambda: DropoutLayer(0.0), r"dropout: keep_prob must be a number in \(0, 1\]. Received: keep_prob=0.0"),
        (lambda: DropoutLayer(1.5), r"dropout: keep_prob must be a number in \(0, 1\]. Received: keep_prob=1.5"),
    ],
)
def test_errors_of_groups_and_dropout_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()


def test_dropout_keeps_with_its_chance_and_scales() -> None:
    layer, ones = DropoutLayer(0.8), np.ones((50, 400), np.float32)
    out = layer(ones, Trip(training=True, seed=3)).numpy()
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.8)}
    # 5 standard deviations of a mean of 20,000 draws.
    assert abs((out > 0).mean() - 0.8) < 5 * math.sqrt(0.16 / 20000)
    np.testing.assert_array_equal(layer(ones), ones)
    np.testing.assert_array_equal(DropoutLayer(1.0)(ones, Trip(training=True)), ones)


def test_two_dropouts_draw_apart_and_every_time_step_anew() -> None:
    ones = np.ones((20, 50), np.float32)
    trip = Trip(training=True)
    first, second = DropoutLayer(name="a")(ones, trip), DropoutLayer(name="b")(ones, trip)
    with trip.at_time(1, last=True):
        later = DropoutLayer(name="a")(ones, trip)
    for other in (second, later):
        assert 0.4 < np.mean(first.numpy() == other.numpy()) < 0.6
