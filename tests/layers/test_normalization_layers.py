"""Normalisations against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import (
    BatchNormalizationLayer,
    GroupNormalizationLayer,
    L2NormalizationLayer,
    LayerNormalizationLayer,
    LRNLayer,
)

RNG = np.random.default_rng(2)
EPS = 1e-5
SHAPES = [(6, 4), (3, 5, 4), (3, 4, 2, 4), (2, 3, 2, 2, 4)]


def normal(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 2 + 1).astype(np.float32)


def standard(x: np.ndarray, axes: Any) -> np.ndarray:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + EPS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_batch_normalization_in_training_uses_the_batch(shape: tuple[int, ...], dtype: str) -> None:
    x = normal(*shape)
    layer = BatchNormalizationLayer(beta_init=0.5, gamma_init=2.0, dtype=dtype)
    out = layer(tf.cast(x, dtype), Trip(training=True))
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(out, 2 * standard(x, axes) + 0.5, atol=1e-4)
    size = x.size / 4
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean(axes), rtol=1e-4)
    np.testing.assert_allclose(layer.running_variance, 0.9 + 0.1 * x.var(axes) * size / (size - 1), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_normalization_in_inference_uses_the_running_statistics(dtype: str) -> None:
    x = normal(5, 3, 3, 4)
    layer = BatchNormalizationLayer(dtype=dtype)
    layer(tf.cast(x, dtype))
    mean, variance = normal(4), normal(4) ** 2
    layer.running_mean.assign(mean)
    layer.running_variance.assign(variance)
    out = layer(tf.cast(x, dtype))
    np.testing.assert_allclose(out, (x - mean) / np.sqrt(variance + EPS), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(layer.running_mean, mean)


def test_the_fused_kernel_and_the_plain_operations_have_one_gradient() -> None:
    x, weight = normal(4, 3, 3, 5), normal(4, 3, 3, 5)
    gradients = []
    for dtype in ("float32", "float64"):
        layer = BatchNormalizationLayer(gamma_init=1.5, dtype=dtype)
        signal = tf.constant(x, dtype)
        with tf.GradientTape() as tape:
            tape.watch(signal)
            loss = tf.reduce_sum(layer(signal, Trip(training=True)) * tf.constant(weight, dtype))
        gradients.append(tape.gradient(loss, [signal, *layer.parameters.values()]))
    for fused, plain in zip(*gradients, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-3, atol=1e-4)


def test_momentum_none_is_the_mean_of_all_batches() -> None:
    layer = BatchNormalizationLayer(momentum=None)
    batches = [normal(6, 3) for _ in range(4)]
    for batch in batches:
        layer(batch, Trip(training=True))
    np.testing.assert_allclose(layer.running_mean, np.mean([b.mean(0) for b in batches], 0), rtol=1e-4)
    np.testing.assert_allclose(layer.running_variance, np.mean([b.var(0, ddof=1) for b in batches], 0), rtol=1e-4)


def test_gamma_and_beta_can_be_left_out_fixed_and_shared() -> None:
    x = normal(6, 3)
    bare = BatchNormalizationLayer(beta_init=None, gamma_init=None)
    np.testing.assert_allclose(bare(x, Trip(training=True)), standard(x, 0), atol=1e-4)
    assert bare.parameters == {}
    fixed = BatchNormalizationLayer(fix_gamma=True, gamma_init=3.0)
    np.testing.assert_allclose(fixed(x, Trip(training=True)), 3 * standard(x, 0), atol=1e-4)
    assert list(fixed.parameters) == ["beta"]
    shared = BatchNormalizationLayer(share_gamma=True)
    shared(x)
    assert shared.parameters["gamma"].shape == [1]


def test_a_batch_of_one_example_gives_beta() -> None:
    layer = BatchNormalizationLayer(beta_init=0.25)
    np.testing.assert_allclose(layer(normal(1, 3), Trip(training=True)), np.full((1, 3), 0.25))
    assert np.isfinite(layer.running_variance.numpy()).all()


def test_layer_normalization() -> None:
    x = normal(2, 3, 5)
    layer = LayerNormalizationLayer()
    layer(x)
    layer.gamma.assign(np.arange(5.0))
    layer.beta.assign(np.ones(5))
    np.testing.assert_allclose(layer(x), standard(x, -1) * np.arange(5) + 1, atol=1e-4)
    bare = LayerNormalizationLayer(center=False, scale=False)
    np.testing.assert_allclose(bare(x), standard(x, -1), atol=1e-4)
    assert bare.named_variables() == {}


@pytest.mark.parametrize("shape", SHAPES, ids=len)
@pytest.mark.parametrize("group_num", [1, 2, 4])
def test_group_normalization(shape: tuple[int, ...], group_num: int) -> None:
    x = normal(*shape)
    layer = GroupNormalizationLayer(group_num)
    layer(x)
    layer.gamma.assign(np.arange(4.0))
    layer.beta.assign(np.ones(4))
    parts = [standard(p, tuple(range(1, x.ndim))) for p in np.split(x, group_num, -1)]
    expected = np.concatenate(parts, -1) * np.arange(4) + 1
    np.testing.assert_allclose(layer(x), expected, atol=2e-3 if group_num == 4 and x.ndim == 2 else 1e-4)


def test_l2_normalization() -> None:
    x = normal(3, 5)
    x[0] = 0
    expected = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6)
    np.testing.assert_allclose(L2NormalizationLayer()(x), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_local_response_normalization(dtype: str) -> None:
    x = normal(2, 3, 3, 7)
    around = np.stack([(x[..., max(c - 2, 0) : c + 3] ** 2).sum(-1) for c in range(7)], -1)
    layer = LRNLayer(depth_radius=2, bias=1.5, alpha=0.3, beta=0.6, dtype=dtype)
    np.testing.assert_allclose(layer(tf.cast(x, dtype)), x / (1.5 + 0.3 * around) ** 0.6, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: BatchNormalizationLayer(gamma_init=None, fix_gamma=True),
            r"bn: without a gamma \(gamma_init=None\) it cannot be fixed or shared. Received: fix_gamma=True",
        ),
        (
            lambda: BatchNormalizationLayer(momentum=2.0),
            r"momentum must be a number in \[0, 1\]. .*momentum=2.0",
        ),
        (lambda: BatchNormalizationLayer(eps=0.0), r"bn: eps must be a number > 0. Received: eps=0.0"),
        (lambda: GroupNormalizationLayer(0), r"gn: group_num must be an integer >= 1. Received: group_num=0"),
        (
            lambda: GroupNormalizationLayer(3)(normal(2, 4)),
            r"gn: the channels must be a multiple of group_num=3. Received: shape=\(2, 4\)",
        ),
        (lambda: LRNLayer(-1), r"lrn: depth_radius must be an integer >= 0. Received: depth_radius=-1"),
        (lambda: LRNLayer()(normal(2, 4)), r"lrn takes a signal \[batch, height, width, channel\]"),
    ],
)
def test_errors_of_normalization_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()
