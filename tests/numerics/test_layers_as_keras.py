"""Layers against Keras's, in both float dtypes, over random configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid import layers as L  # noqa: N812
from akid.layers import ProcessingLayer

keras = pytest.importorskip("keras")
K = keras.layers
Draw = np.random.Generator
#: A layer of ours, Keras's, the shape of the signal, and how Keras's weights become ours.
Pair = tuple[ProcessingLayer, Any, tuple[int, ...], Callable[[list[np.ndarray]], list[np.ndarray]]]


def same(weights: list[np.ndarray]) -> list[np.ndarray]:
    return weights


def of_windows(draw: Draw) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Size, strides and padding of windows, and images they fit into."""
    ksize = draw.integers(1, 4, 2).tolist()
    shape = (2, *(int(k + draw.integers(0, 5)) for k in ksize), int(draw.integers(1, 4)))
    return {
        "ksize": ksize,
        "strides": int(draw.integers(1, 4)),
        "padding": str(draw.choice(["SAME", "VALID"])),
    }, shape


def convolution(draw: Draw, dtype: str) -> Pair:
    window, shape = of_windows(draw)
    filters = int(draw.integers(1, 5))
    theirs = K.Conv2D(filters, window["ksize"], window["strides"], window["padding"].lower(), dtype=dtype)
    return L.ConvolutionLayer(**window, out_channel_num=filters, dtype=dtype), theirs, shape, same


def depthwise(draw: Draw, dtype: str) -> Pair:
    window, shape = of_windows(draw)
    each = int(draw.integers(1, 4))
    theirs = K.DepthwiseConv2D(window["ksize"], window["strides"], window["padding"].lower(), each, dtype=dtype)
    ours = L.ConvolutionLayer(**window, depthwise=True, out_channel_num=each * shape[-1], dtype=dtype)
    return ours, theirs, shape, same


def transposed(draw: Draw, dtype: str) -> Pair:
    window, shape = of_windows(draw)
    filters = int(draw.integers(1, 5))
    theirs = K.Conv2DTranspose(filters, window["ksize"], window["strides"], window["padding"].lower(), dtype=dtype)
    return L.TransposedConvolutionLayer(**window, out_channel_num=filters, dtype=dtype), theirs, shape, same


def convolution_1d(draw: Draw, dtype: str) -> Pair:
    ksize, dilation, filters = (int(n) for n in draw.integers(1, 4, 3))
    padding = str(draw.choice(["SAME", "VALID", "CAUSAL"]))
    shape = 2, (ksize - 1) * dilation + int(draw.integers(1, 6)), 3
    ours = L.Convolution1DLayer(ksize, padding=padding, dilation=dilation, out_channel_num=filters, dtype=dtype)
    theirs = K.Conv1D(filters, ksize, padding=padding.lower(), dilation_rate=dilation, dtype=dtype)
    return ours, theirs, shape, same


def pooling(ours: Any, theirs: Any) -> Callable[[Draw, str], Pair]:
    def pair(draw: Draw, dtype: str) -> Pair:
        window, shape = of_windows(draw)
        layer = theirs(window["ksize"], window["strides"], window["padding"].lower(), dtype=dtype)
        return ours(**window, dtype=dtype), layer, shape, same

    return pair


def inner_product(draw: Draw, dtype: str) -> Pair:
    size, out = (int(n) for n in draw.integers(1, 9, 2))
    return L.InnerProductLayer(out, dtype=dtype), K.Dense(out, dtype=dtype), (3, size), same


def layer_normalization(draw: Draw, dtype: str) -> Pair:
    eps = float(10 ** draw.uniform(-6, -1))
    shape = 3, int(draw.integers(2, 9))
    ours = L.LayerNormalizationLayer(eps=eps, dtype=dtype)
    return ours, K.LayerNormalization(epsilon=eps, dtype=dtype), shape, lambda weights: weights[::-1]


def gru(draw: Draw, dtype: str) -> Pair:
    units, time, size = (int(n) for n in draw.integers(1, 6, 3))

    def by_gate(weights: list[np.ndarray]) -> list[np.ndarray]:
        parts = [np.split(w, 3, -1) for w in weights]  # theirs are z, r, n
        return [np.concatenate([reset, update, new], -1) for update, reset, new in parts]

    theirs = K.GRU(units, reset_after=False, return_sequences=True, dtype=dtype)
    return L.GRULayer(units, return_sequences=True, dtype=dtype), theirs, (2, time, size), by_gate


def activation(ours: Any, function: str, **options: Any) -> Callable[[Draw, str], Pair]:
    def pair(draw: Draw, dtype: str) -> Pair:
        theirs = K.Activation(lambda x: getattr(keras.ops, function)(x, **options), dtype=dtype)
        return ours(dtype), theirs, (4, int(draw.integers(2, 9))), same

    return pair


PAIRS = {
    "convolution": convolution,
    "depthwise": depthwise,
    "transposed": transposed,
    "convolution 1d": convolution_1d,
    "max pooling": pooling(L.MaxPoolingLayer, K.MaxPooling2D),
    "average pooling": pooling(L.AveragePoolingLayer, K.AveragePooling2D),
    "inner product": inner_product,
    "layer normalization": layer_normalization,
    "gru": gru,
    "elu": activation(lambda d: L.ELULayer(dtype=d), "elu"),
    "selu": activation(lambda d: L.SELULayer(dtype=d), "selu"),
    "silu": activation(lambda d: L.SiLULayer(dtype=d), "silu"),
    "softplus": activation(lambda d: L.SoftplusLayer(dtype=d), "softplus"),
    "softmax": activation(lambda d: L.SoftmaxLayer(dtype=d), "softmax"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_gives_what_keras_gives(name: str, dtype: str) -> None:
    draw = np.random.default_rng(sum(map(ord, name)))
    for _ in range(4):
        ours, theirs, shape, converted = PAIRS[name](draw, dtype)
        x = draw.normal(size=shape).astype(dtype)
        theirs.build(shape)
        theirs.set_weights([draw.normal(size=w.shape).astype(dtype) for w in theirs.weights])
        ours(x)
        for mine, weights in zip(ours.own_variables.values(), converted(theirs.get_weights()), strict=True):
            mine.assign(weights)
        expected = np.asarray(theirs(x))
        exact = {"rtol": 2e-5, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
        np.testing.assert_allclose(ours(x), expected, **exact, err_msg=f"{ours!r} of {shape}")
