"""Filters as images: what a layer gives is the sum of what it takes times its filter, in every kind of layer."""

from __future__ import annotations

import numpy as np
import pytest

from akid.layers import Convolution1DLayer, ConvolutionLayer, InnerProductLayer, TransposedConvolutionLayer
from akid.pictures.filters import few, filters_of, folded, statistics_of

RNG = np.random.default_rng(0)


def filters_and_output(layer, x):
    """``[filter, channel, height, width]`` and what the layer gives for one example, biases taken off."""
    out = layer(x[None]).numpy()[0]
    biases = 0 if layer.biases is None else layer.biases.numpy()
    return filters_of(layer.weights.numpy(), layer.norm_axes), out - biases


@pytest.mark.parametrize("bias", [None, 0.5])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_a_convolution_gives_the_sum_of_a_patch_times_its_filter(channels, bias):
    x = RNG.normal(size=[4, 3, channels]).astype(np.float32)
    layer = ConvolutionLayer([4, 3], padding="VALID", out_channel_num=6, initial_bias_value=bias)
    filters, out = filters_and_output(layer, x)
    assert filters.shape == (6, channels, 4, 3)
    np.testing.assert_allclose(out[0, 0], np.einsum("fchw,hwc->f", filters, x), rtol=1e-4, atol=1e-5)


def test_a_depthwise_convolution_has_filters_of_one_channel():
    x = RNG.normal(size=[3, 3, 2]).astype(np.float32)
    layer = ConvolutionLayer(3, padding="VALID", depthwise=True, out_channel_num=6)
    filters, out = filters_and_output(layer, x)
    assert filters.shape == (6, 1, 3, 3)
    expected = [np.sum(filters[f, 0] * x[:, :, f // 3]) for f in range(6)]
    np.testing.assert_allclose(out[0, 0], expected, rtol=1e-4, atol=1e-5)


def test_a_transposed_convolution_paints_its_filters():
    x = RNG.normal(size=[1, 1, 5]).astype(np.float32)
    filters, out = filters_and_output(TransposedConvolutionLayer([2, 3], padding="VALID", out_channel_num=4), x)
    assert filters.shape == (4, 5, 2, 3)
    np.testing.assert_allclose(out, np.einsum("fchw,c->hwf", filters, x[0, 0]), rtol=1e-4, atol=1e-5)


def test_a_convolution_of_sequences_has_filters_of_channels_and_times():
    x = RNG.normal(size=[4, 3]).astype(np.float32)
    filters, out = filters_and_output(Convolution1DLayer(4, padding="VALID", out_channel_num=2), x)
    images = folded(filters, None)
    assert images.shape == (2, 1, 3, 4)
    np.testing.assert_allclose(out[0], np.einsum("fct,tc->f", images[:, 0], x), rtol=1e-4, atol=1e-5)


def test_an_inner_product_of_feature_maps_has_filters_of_their_shape():
    x = RNG.normal(size=[2, 3, 4]).astype(np.float32)
    layer = InnerProductLayer(5)
    filters, out = filters_and_output(layer, x)
    images = folded(filters, layer.in_shape)
    assert images.shape == (5, 4, 2, 3)
    np.testing.assert_allclose(out, np.einsum("fchw,hwc->f", images, x), rtol=1e-4, atol=1e-5)


def test_an_inner_product_of_a_flat_signal_is_folded_into_squares():
    images = folded(np.arange(22.0).reshape(2, 11, 1, 1), None)
    assert images.shape == (2, 1, 3, 4)
    np.testing.assert_array_equal(images[1, 0].ravel(), [*range(11, 22), np.nan])


@pytest.mark.parametrize("shape", [(64, 32, 5, 5), (512, 512, 3, 3), (10, 1, 4, 4), (3, 5000, 1, 1)])
def test_of_a_large_layer_a_few_patches_are_shown(shape):
    shown = few(np.zeros(shape, np.int8), 2048)
    assert 0 < shown.shape[0] * shown.shape[1] <= 2048
    assert shown.shape[0] >= min(shape[0], 16)
    assert (shown.shape == shape) == (shape[0] * shape[1] <= 2048)


def test_statistics_are_those_of_numpy_and_dead_filters_are_counted():
    filters = RNG.normal(size=[20, 4, 3, 3])
    filters[[3, 7]] *= 1e-4
    filters[11] = 0
    found = statistics_of("conv1", filters)
    np.testing.assert_allclose(found.norms, [np.sqrt(np.sum(f**2)) for f in filters])
    assert (found.layer, found.filters, found.dead) == ("conv1", 20, 3)
    assert (found.mean, found.std) == (pytest.approx(filters.mean()), pytest.approx(filters.std()))
    assert found.zeros == pytest.approx(1 / 20)
