"""Pooling against loops in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid.errors import BlockError
from akid.layers import (
    AveragePooling1DLayer,
    AveragePoolingLayer,
    GlobalAveragePoolingLayer,
    GlobalMaxPoolingLayer,
    GlobalPoolingLayer,
    MaxPooling1DLayer,
    MaxPoolingLayer,
    Pooling1DLayer,
    PoolingLayer,
)

IMAGE = np.random.default_rng(1).normal(size=(2, 7, 5, 3)).astype(np.float32)


def pool(x: np.ndarray, k: tuple[int, int], s: tuple[int, int], padding: str, reduce: Any) -> np.ndarray:
    """What is outside of the image counts for nothing: NaN, and the NaN-ignoring reductions."""
    if padding == "SAME":
        pads = [(0, 0)]
        for n, size, step in zip(x.shape[1:3], k, s, strict=True):
            missing = max((-(-n // step) - 1) * step + size - n, 0)
            pads.append((missing // 2, missing - missing // 2))
        x = np.pad(x, [*pads, (0, 0)], constant_values=np.nan)
    high, wide = ((x.shape[i + 1] - k[i]) // s[i] + 1 for i in (0, 1))
    rows = [
        [reduce(x[:, i * s[0] : i * s[0] + k[0], j * s[1] : j * s[1] + k[1]], axis=(1, 2)) for j in range(wide)]
        for i in range(high)
    ]
    return np.moveaxis(np.array(rows), 2, 0)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("ksize", "strides"), [((2, 2), None), ((3, 2), (1, 2)), ((3, 3), (2, 2))])
@pytest.mark.parametrize("type", ["max", "avg"])
def test_pooling(type: Any, ksize: tuple[int, int], strides: Any, padding: Any) -> None:
    expected = pool(IMAGE, ksize, strides or ksize, padding, {"max": np.nanmax, "avg": np.nanmean}[type])
    spelled_out = {"max": MaxPoolingLayer, "avg": AveragePoolingLayer}[type]
    for layer in (PoolingLayer(ksize, strides, padding, type), spelled_out(ksize, strides, padding)):
        np.testing.assert_allclose(layer(IMAGE), expected, atol=1e-6)


def test_a_list_is_pooled_one_by_one() -> None:
    out = PoolingLayer(2)([IMAGE, IMAGE[:, 1:]])
    np.testing.assert_allclose(out[0], pool(IMAGE, (2, 2), (2, 2), "VALID", np.max))
    np.testing.assert_allclose(out[1], pool(IMAGE[:, 1:], (2, 2), (2, 2), "VALID", np.max))


def test_the_index_is_the_place_of_the_maximum_in_its_image() -> None:
    values, index = MaxPoolingLayer(3, 2, get_argmax_idx=True)(IMAGE)
    flat = IMAGE.reshape(2, -1)
    np.testing.assert_array_equal(np.take_along_axis(flat, index.numpy().reshape(2, -1), 1), flat_of(values))


def flat_of(x: Any) -> np.ndarray:
    return x.numpy().reshape(2, -1)


@pytest.mark.parametrize(
    ("layer", "reduce", "k", "s", "padding"),
    [
        (MaxPooling1DLayer(2), np.nanmax, 2, 2, "VALID"),
        (AveragePooling1DLayer(3, 2, "SAME"), np.nanmean, 3, 2, "SAME"),
        (Pooling1DLayer(2, 1, type="avg"), np.nanmean, 2, 1, "VALID"),
    ],
)
def test_pooling_of_sequences(layer: Any, reduce: Any, k: int, s: int, padding: str) -> None:
    x = IMAGE[:, :, 0]
    expected = pool(x[:, None], (1, k), (1, s), padding, reduce)[:, 0]
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)


def test_global_pooling() -> None:
    np.testing.assert_allclose(GlobalPoolingLayer()(IMAGE), IMAGE.mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(GlobalPoolingLayer("max")(IMAGE), IMAGE.max((1, 2)))
    np.testing.assert_array_equal(GlobalAveragePoolingLayer()(IMAGE), GlobalPoolingLayer()(IMAGE))
    np.testing.assert_array_equal(GlobalMaxPoolingLayer()(IMAGE), GlobalPoolingLayer("max")(IMAGE))
    np.testing.assert_allclose(GlobalPoolingLayer()(IMAGE[:, 0]), IMAGE[:, 0].mean(1), atol=1e-6)
    np.testing.assert_allclose(GlobalPoolingLayer("max")(IMAGE[:, None]), IMAGE.max((1, 2)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: PoolingLayer(2, type="mean"),
            r"pool: type must be one of \['max', 'avg'\].* type='mean'",
        ),  # type: ignore[arg-type]
        (lambda: PoolingLayer(2)(IMAGE[0]), r"pool takes a signal \[batch, height, width, channel\]"),
        (lambda: MaxPooling1DLayer(2)(IMAGE), r"takes a signal \[batch, time, channel\]. Received: shape=\(2, 7"),
        (lambda: MaxPooling1DLayer(0), r"pool: ksize must be an integer >= 1. Received: ksize=0"),
        (
            lambda: MaxPoolingLayer(2, get_argmax_idx=True)([IMAGE, IMAGE]),
            r"pool: get_argmax_idx takes one tensor. Received: a list of 2",
        ),
        (lambda: GlobalPoolingLayer()(IMAGE[0, 0]), r"global_pool takes a signal .* or .* shape=\(5, 3\)"),
    ],
)
def test_errors_of_pooling_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()
