"""Convolutions and inner products against loops in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import (
    Convolution1DLayer,
    ConvolutionLayer,
    FixedWeightInnerProductLayer,
    InnerProductLayer,
    TransposedConvolutionLayer,
)

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def padded(x: np.ndarray, k: tuple[int, int], s: tuple[int, int]) -> np.ndarray:
    """SAME: output length ceil(n / s); what is missing is added half before, half (and the odd one) after."""
    pads = [(0, 0)]
    for n, size, step in zip(x.shape[1:3], k, s, strict=True):
        missing = max((-(-n // step) - 1) * step + size - n, 0)
        pads.append((missing // 2, missing - missing // 2))
    return np.pad(x, [*pads, (0, 0)])


def conv(x: np.ndarray, w: np.ndarray, s: tuple[int, int], padding: str) -> np.ndarray:
    k = w.shape[:2]
    x = padded(x, k, s) if padding == "SAME" else x
    high, wide = ((x.shape[i + 1] - k[i]) // s[i] + 1 for i in (0, 1))
    out = np.zeros((x.shape[0], high, wide, w.shape[3]), np.float32)
    for i in range(high):
        for j in range(wide):
            patch = x[:, i * s[0] : i * s[0] + k[0], j * s[1] : j * s[1] + k[1]]
            out[:, i, j] = np.einsum("bhwi,hwio->bo", patch, w)
    return out


def test_padding_of_the_oracle_is_the_documented_one() -> None:
    assert padded(np.ones((1, 5, 5, 1)), (3, 2), (2, 1)).shape == (1, 7, 6, 1)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides", [1, [2, 1], [1, 2, 2, 1]])
def test_convolution(padding: Any, strides: Any) -> None:
    x = normal(2, 6, 5, 3)
    layer = ConvolutionLayer([3, 2], strides, padding, out_channel_num=4, initial_bias_value=0.5)
    out = layer(x)
    s = {1: (1, 1), 2: tuple(strides) if strides != 1 else (1, 1)}.get(np.size(strides), (2, 2))
    assert layer.weights.shape == [3, 2, 3, 4]
    np.testing.assert_allclose(out, conv(x, layer.weights.numpy(), s, padding) + 0.5, atol=1e-5)


def test_depthwise_convolution_filters_every_channel_by_itself() -> None:
    x = normal(2, 5, 5, 3)
    layer = ConvolutionLayer(3, padding="VALID", depthwise=True, out_channel_num=6, initial_bias_value=None)
    out = layer(x)
    w = layer.weights.numpy()
    expected = [conv(x[..., [c]], w[:, :, [c]], (1, 1), "VALID") for c in range(3)]
    np.testing.assert_allclose(out, np.concatenate(expected, -1), atol=1e-5)
    assert layer.biases is None


def test_depthwise_needs_a_multiple_of_the_channels() -> None:
    message = r"conv: a depthwise convolution needs .* Received: out_channel_num=4, channels=3"
    with pytest.raises(BlockError, match=message):
        ConvolutionLayer(3, depthwise=True, out_channel_num=4)(normal(1, 5, 5, 3))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("ksize", "strides"), [(3, 1), (3, 2), (2, 3), ([4, 3], [2, 3])])
def test_transposed_convolution_is_the_adjoint_of_a_convolution(padding: Any, ksize: Any, strides: Any) -> None:
    y = normal(2, 4, 3, 5)
    layer = TransposedConvolutionLayer(ksize, strides, padding, out_channel_num=2)
    up = layer(y).numpy()
    w = layer.weights.numpy()
    assert w.shape == (*layer.ksize, 2, 5)
    # <conv(x), y> == <x, deconv(y)> for every x of the output's shape.
    x = normal(*up.shape)
    down = conv(x, w, layer.strides, padding)
    assert down.shape == y.shape
    np.testing.assert_allclose((down * y).sum(), (x * up).sum(), rtol=1e-4)


def test_transposed_convolution_knows_its_shape_when_the_image_size_is_not_known() -> None:
    layer = TransposedConvolutionLayer(3, 2, out_channel_num=2)
    layer(normal(1, 4, 4, 3))
    traced = tf.function(lambda x: layer(x), [tf.TensorSpec([None, None, 4, 3])], autograph=False)
    assert traced.get_concrete_function().structured_outputs.shape.as_list() == [None, None, 8, 2]
    assert traced(tf.zeros([1, 5, 4, 3])).shape == [1, 10, 8, 2]


@pytest.mark.parametrize(
    ("padding", "strides", "dilation", "before", "after"),
    [
        ("VALID", 1, 1, 0, 0),
        ("SAME", 1, 1, 1, 1),
        ("CAUSAL", 2, 1, 2, 0),
        ("CAUSAL", 1, 2, 4, 0),
        ("SAME", 1, 2, 2, 2),
    ],
)
def test_convolution_1d(padding: str, strides: int, dilation: int, before: int, after: int) -> None:
    x = normal(2, 9, 3)
    layer = Convolution1DLayer(3, strides, padding, dilation, out_channel_num=4, initial_bias_value=1.0)
    out = layer(x).numpy()
    wide = np.pad(x, [(0, 0), (before, after), (0, 0)])
    starts = range(0, wide.shape[1] - 2 * dilation, strides)
    taps = [np.einsum("bki,kio->bo", wide[:, t : t + 2 * dilation + 1 : dilation], layer.weights) for t in starts]
    np.testing.assert_allclose(out, np.stack(taps, 1) + 1.0, atol=1e-5)


def test_convolution_1d_refuses_strides_with_dilation() -> None:
    message = r"conv: dilation and strides cannot both be > 1. Received: dilation=2, strides=3"
    with pytest.raises(BlockError, match=message):
        Convolution1DLayer(3, strides=3, dilation=2)


def test_inner_product_flattens_an_image() -> None:
    x = normal(2, 3, 4, 5)
    layer = InnerProductLayer(7, initial_bias_value=-1.0)
    out = layer(x)
    np.testing.assert_allclose(out, x.reshape(2, 60) @ layer.weights.numpy() - 1.0, atol=1e-5)


def test_fixed_weights_are_no_parameters() -> None:
    layer = FixedWeightInnerProductLayer([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    np.testing.assert_allclose(layer(np.float32([[1, 10]])), [[41, 52, 63]])
    assert layer.parameters == {}
    assert list(layer.named_variables()) == ["weights"]


@pytest.mark.parametrize("weights", [[], [[]], [[1.0], [2.0, 3.0]]])
def test_fixed_weights_must_be_a_matrix(weights: Any) -> None:
    with pytest.raises(
        BlockError,
        match=r"weights must be a matrix \[in, out\] of .*\. Received: weights=\[",
    ):
        FixedWeightInnerProductLayer(weights)


def test_fixed_weights_must_fit_the_signal() -> None:
    message = r"the constant's shape must be that of the variable, \(3, 1\). Received: shape=\(2, 1\)"
    with pytest.raises(BlockError, match=message):
        FixedWeightInnerProductLayer([[1.0], [2.0]])(normal(1, 3))


@pytest.mark.parametrize("on_bias", [False, True])
@pytest.mark.parametrize(("type", "cost"), [("l2", lambda w: (w**2).sum() / 2), ("l1", lambda w: np.abs(w).sum())])
def test_weight_decay_is_a_loss_of_its_own(type: str, cost: Any, on_bias: bool) -> None:
    layer = InnerProductLayer(
        4, initial_bias_value=2.0, wd={"type": type, "scale": 0.3}, wd_on_bias=on_bias, name="ip"
    )
    trip = Trip()
    layer(normal(2, 3), trip)
    expected = 0.3 * (cost(layer.weights.numpy()) + on_bias * cost(layer.biases.numpy()))
    np.testing.assert_allclose(trip.losses["ip/wd"], expected, rtol=1e-5)
    np.testing.assert_allclose(trip.total_loss, expected, rtol=1e-5)


def test_weight_decay_of_zero_is_no_loss() -> None:
    trip = Trip()
    InnerProductLayer(4, wd={"type": "l2", "scale": 0})(normal(2, 3), trip)
    assert trip.losses == {}


@pytest.mark.parametrize(
    ("layer", "shape", "out_axis"),
    [
        (InnerProductLayer(6, max_norm=1.5, name="it"), (2, 5), 1),
        (ConvolutionLayer(3, out_channel_num=6, max_norm=1.5, name="it"), (1, 5, 5, 4), 3),
        (Convolution1DLayer(3, out_channel_num=6, max_norm=1.5, name="it"), (1, 5, 4), 2),
        (TransposedConvolutionLayer(3, out_channel_num=6, max_norm=1.5, name="it"), (1, 5, 5, 4), 2),
    ],
    ids=["ip", "conv", "conv1d", "deconv"],
)
def test_max_norm_shortens_only_what_is_too_long(layer: Any, shape: tuple[int, ...], out_axis: int) -> None:
    brain = Brain().attach(layer)
    brain(normal(*shape))
    w = normal(*layer.weights.shape)
    scales = np.array([0.01, 0.02, 1, 2, 3, 4], np.float32)
    w *= scales.reshape([6 if a == out_axis else 1 for a in range(w.ndim)])
    layer.weights.assign(w)
    brain.constrain()
    axes = tuple(a for a in range(w.ndim) if a != out_axis)
    norms = np.sqrt((w**2).sum(axes, keepdims=True))
    np.testing.assert_allclose(layer.weights, w * np.minimum(1.0, 1.5 / norms), rtol=1e-5)
    assert (norms.ravel()[:2] < 1.5).all()


def test_max_norm_of_a_depthwise_convolution_is_per_filter() -> None:
    layer = ConvolutionLayer(3, depthwise=True, out_channel_num=4, max_norm=0.5)
    layer(normal(1, 5, 5, 2))
    layer.weights.assign(tf.ones([3, 3, 2, 2]))
    layer.constrain()
    np.testing.assert_allclose(layer.weights, np.full((3, 3, 2, 2), 0.5 / 3), rtol=1e-5)


def test_options_of_synapses_are_shown() -> None:
    layer = ConvolutionLayer(3, 2, wd={"type": "l2", "scale": 0.1}, max_norm=2.0, name="c")
    assert repr(layer) == (
        "ConvolutionLayer(name='c', ksize=(3, 3), strides=(2, 2), out_channel_num=32,"
        " wd=Regularizer(type='l2', scale=0.1), max_norm=2.0)"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: InnerProductLayer(0),
            r"ip: out_channel_num must be an integer >= 1. .*out_channel_num=0",
        ),
        (
            lambda: ConvolutionLayer(0),
            r"conv: ksize must be an integer, \[height, width\] or \[1, height, width, 1\], each .* ksize=0",
        ),
        (lambda: ConvolutionLayer([2, 3, 3, 1]), r"conv: ksize must be .* Received: ksize=\[2, 3, 3, 1\]"),
        (
            lambda: ConvolutionLayer(3, strides=[1, 2, 3]),
            r"conv: strides must be .* strides=\[1, 2, 3\]",
        ),
        (
            lambda: ConvolutionLayer(3, padding="SAM"),  # type: ignore[arg-type]
            r"conv: padding must be one of \['SAME', 'VALID'\]. Did you mean 'SAME'\? Received: padding='SAM'",
        ),
        (
            lambda: Convolution1DLayer(3, padding="CAUSALLY"),
            r"padding must be one of \['SAME', 'VALID', 'CAUSAL'\]. Did you mean 'CAUSAL'\?",
        ),
        (lambda: Convolution1DLayer(True), r"conv: ksize must be an integer >= 1. Received: ksize=True"),
        (lambda: ConvolutionLayer(3)(normal(2, 5)), r"conv takes a signal \[batch, height, .* shape=\(2, 5\)"),
        (
            lambda: InnerProductLayer(3)([normal(2, 5), normal(2, 5)]),
            r'ip takes one tensor. Received: a list of 2. Name the one it should take: inputs=\[\{"name"',
        ),
        (lambda: InnerProductLayer(3, wd={"type": "l2"}), r'wd must be \{"type": "l1" \| "l2", "scale": number\}'),
        (
            lambda: InnerProductLayer(3, wd={"type": "l3", "scale": 1}),
            r"wd: type must be one of \['l1', 'l2'\]. .*Received: type='l3'",
        ),
        (
            lambda: InnerProductLayer(3, wd={"type": "l2", "scale": -1}),
            r"wd: scale must be a number >= 0. Received: scale=-1",
        ),
    ],
)
def test_errors_of_synapses_teach(make: Any, message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()
