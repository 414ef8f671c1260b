"""Numbers at the edges: large gradients, NaN, float64, batches of any size; against float64 numpy or a formula."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from akid import ArraySource, Brain, Kid, Sensor
from akid import layers as L  # noqa: N812
from akid.backend import tf
from akid.blocks.trip import Trip
from akid.errors import BlockError, DataError
from akid.kongfus import AdagradKongFu, AdamKongFu, MomentumKongFu, RMSPropKongFu, SGDKongFu
from akid.kongfus.clipping import clip

NAN = float("nan")


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.99])
def test_centred_rmsprop_stays_finite_where_gradients_are_alike(rho):
    weight = tf.Variable([0.0])
    kongfu = RMSPropKongFu(0.1, rho=rho, centered=True)
    kongfu.setup({"w": weight})
    for step in range(200):
        kongfu.apply([tf.constant([10.0])], step)
        assert np.isfinite(weight.numpy()).all(), f"step {step}"
    assert weight.numpy()[0] < 0


@pytest.mark.parametrize("bounds", [{"norm": 2.0}, {"global_norm": 2.0}])
@pytest.mark.parametrize("size", [1e18, 1e20, 3e38])
def test_clipping_keeps_the_direction_of_any_finite_gradient(size, bounds):
    gradients = [tf.constant([size, 0.0, 0.5 * size]), None]
    (clipped, nothing) = clip(gradients, **bounds)
    np.testing.assert_allclose(clipped, 2 * np.array([1, 0, 0.5]) / math.sqrt(1.25), rtol=1e-6)
    assert nothing is None


def test_clipping_leaves_what_is_within_the_bound_as_it_is():
    values = np.random.default_rng(0).normal(size=100).astype(np.float32)
    np.testing.assert_array_equal(clip([tf.constant(values)], norm=100.0)[0], values)
    np.testing.assert_array_equal(clip([tf.constant(values), tf.zeros([2])], global_norm=100.0)[0], values)
    np.testing.assert_array_equal(clip([tf.zeros([2])], norm=1.0, global_norm=1.0)[0], [0, 0])


@pytest.mark.parametrize("bad", [NAN, math.inf])
def test_clipping_hides_no_gradient_that_is_not_finite(bad):
    assert np.isnan(clip([tf.constant([1.0, 2.0]), tf.constant([bad])], global_norm=1.0)[0]).all()
    assert np.isnan(clip([tf.constant([1.0, bad])], norm=1.0)[0]).all()


@pytest.mark.parametrize(
    "kongfu",
    [
        MomentumKongFu(1.0, momentum=0.7),
        AdamKongFu(1.0, 0.7, 0.9, 1e-3),
        AdagradKongFu(1.0, 0.3, 1e-3),
        RMSPropKongFu(1.0, 0.7, 0.3, 1e-3),
        RMSPropKongFu(1.0, 0.7, 0.3, 1e-3, centered=True),
    ],
    ids=lambda k: k.name,
)
def test_constants_of_kongfus_are_as_exact_as_the_variables(kongfu):
    weight = tf.Variable([2.0], dtype=tf.float64)
    kongfu.setup({"w": weight})
    w, slots = 2.0, {"m": 0.0, "v": 0.0, "s": 0.0, "g": 0.0, "a": 0.3}
    for step, g in enumerate([0.3, -0.7, 1.1]):
        kongfu.apply([tf.constant([g], tf.float64)], step)
        w -= move(kongfu, g, slots, step + 1)
        assert weight.numpy()[0] == pytest.approx(w, rel=1e-13)


def move(kongfu: Any, g: float, slots: dict[str, float], n: int) -> float:
    if isinstance(kongfu, AdamKongFu):
        slots["m"], slots["v"] = 0.7 * slots["m"] + 0.3 * g, 0.9 * slots["v"] + 0.1 * g * g
        return math.sqrt(1 - 0.9**n) / (1 - 0.7**n) * slots["m"] / (math.sqrt(slots["v"]) + 1e-3)
    if isinstance(kongfu, AdagradKongFu):
        slots["a"] += g * g
        return g / (math.sqrt(slots["a"]) + 1e-3)
    if isinstance(kongfu, RMSPropKongFu):
        slots["s"], slots["g"] = 0.7 * slots["s"] + 0.3 * g * g, 0.7 * slots["g"] + 0.3 * g
        variance = slots["s"] - (slots["g"] ** 2 if kongfu.centered else 0)
        slots["m"] = 0.3 * slots["m"] + g / math.sqrt(variance + 1e-3)
    else:
        slots["m"] = 0.7 * slots["m"] + g
    return slots["m"]


def test_activations_of_float64_have_constants_of_float64():
    x = np.linspace(-4, 4, 33)
    normal = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x])
    by_tanh = (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    exact = {"rtol": 1e-13, "atol": 1e-15}
    np.testing.assert_allclose(L.GELULayer(dtype="float64")(x), x * normal, **exact)
    np.testing.assert_allclose(L.GELULayer(approximate=True, dtype="float64")(x), x * by_tanh, **exact)
    np.testing.assert_allclose(L.LeakyReLULayer(0.1, dtype="float64")(x), np.maximum(x, 0.1 * x), **exact)
    assert L.PaddingLayer([1, 1], value=0.1, dtype="float64")(np.ones([1, 1, 1, 1])).numpy()[0, 0, 0, 0] == 0.1


def moments(layer: Any, shape: tuple[int, ...]) -> float:
    layer(np.zeros(shape, np.float32))
    return float(np.var(layer.weights.numpy()))


@pytest.mark.parametrize(("fan", "variance"), [("in", 2 / 9), ("out", 2 / (9 * 4))])
def test_an_output_of_a_depthwise_convolution_sees_one_channel(fan, variance):
    layer = L.ConvolutionLayer(3, depthwise=True, out_channel_num=4 * 256, init_para={"name": "msra", "fan": fan})
    assert moments(layer, (1, 5, 5, 256)) == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize(("fan", "variance"), [("in", 2 / (9 * 16)), ("out", 2 / (9 * 128))])
def test_fans_of_a_transposed_convolution_are_those_of_its_direction(fan, variance):
    layer = L.TransposedConvolutionLayer(3, out_channel_num=128, init_para={"name": "msra", "fan": fan})
    assert moments(layer, (1, 5, 5, 16)) == pytest.approx(variance, rel=0.1)


def mined(size: int, tmp_path: Any) -> float:
    """The validation loss of hard mining over six pairs, two of which violate the margin."""
    ahead = np.array([[1.0], [-1.0], [1.0], [0.0], [2.0], [3.0]], np.float32)
    source = ArraySource(np.concatenate([ahead, ahead]), np.zeros([12, 1], np.float32), num_val=6, split_seed=None)
    brain = Brain("pairs").attach(
        L.InnerProductLayer(1, {"name": "constant", "value": 1.0}, None),
        L.MarginRankingLossLayer(1.0, hard_sample_mining=True, inputs=[
            {"name": "ip1", "idxs": [0]}, {"name": "system_in", "idxs": [1]}
        ]),
    )  # fmt: skip
    sensor = Sensor(source, 6, size)
    return Kid(sensor, brain, SGDKongFu(0.0), max_steps=1, log_dir=tmp_path / str(size)).validate()[0]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
def test_hard_mining_is_validated_over_the_pairs_of_the_whole_split(size, tmp_path):
    assert mined(size, tmp_path) == pytest.approx((2 + 1) / 2)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (L.AveragePoolingLayer(5), (2, 3, 3, 1)),
        (L.MaxPoolingLayer([2, 5]), (2, 3, 3, 1)),
        (L.MaxPoolingLayer(5, get_argmax_idx=True), (2, 3, 3, 1)),
        (L.AveragePooling1DLayer(4), (2, 3, 1)),
        (L.ConvolutionLayer(5, padding="VALID"), (2, 3, 3, 1)),
        (L.ConvolutionLayer(5, padding="VALID", depthwise=True), (2, 3, 3, 1)),
        (L.Convolution1DLayer(3, padding="VALID", dilation=2), (2, 4, 1)),
    ],
    ids=repr,
)
def test_a_window_larger_than_its_input_is_an_error(layer, shape):
    with pytest.raises(
        BlockError, match=r"must fit into the signal's \[.*\]. Use a smaller ksize.* Received: shape="
    ):
        layer(np.zeros(shape, np.float32))


def test_padding_makes_room_for_any_window():
    x = np.ones([1, 3, 3, 1], np.float32)
    assert L.AveragePoolingLayer(5, padding="SAME")(x).shape == (1, 1, 1, 1)
    assert L.Convolution1DLayer(3, padding="CAUSAL", dilation=4, out_channel_num=1)(x[:, 0]).shape == (1, 3, 1)


@pytest.mark.parametrize(
    ("layer", "scores", "labels"),
    [
        (L.AccuracyLayer(), [[NAN, NAN], [NAN, NAN]], [0, 1]),
        (L.AccuracyLayer(), [[2.0, NAN]], [0]),
        (L.TopKAccuracyLayer(1), [[NAN, NAN], [NAN, NAN]], [0, 1]),
        (L.BinaryAccuracyLayer(), [NAN, NAN], [0, 1]),
        (L.SoftmaxWithLossLayer(2), [[NAN, NAN], [NAN, NAN]], [0, 1]),
        (L.HingeLossLayer(2), [[NAN, NAN], [NAN, NAN]], [0, 1]),
        (L.HingeLossLayer(), [NAN, NAN], [0, 1]),
        (L.BCELossLayer(), [NAN, NAN], [0, 1]),
        (L.GroupSoftmaxWithLossLayer(2, 2), [[NAN, NAN], [NAN, NAN]], [0, 1]),
        (L.MarginRankingLossLayer(), [NAN, NAN], [0.0, 1.0]),
    ],
    ids=lambda v: type(v).__name__,
)
def test_scores_that_are_nan_are_never_right(layer, scores, labels):
    trip = Trip()
    layer([np.array(scores, np.float32), np.array(labels)], trip)
    assert {float(noted.value) for noted in trip.evals.values()} == {0.0}


@pytest.mark.parametrize("labels", [[-1.0, 1.0], [0.0, 2.0]])
def test_bce_takes_labels_from_zero_to_one_only(labels):
    logits, wrong = np.zeros([2, 1], np.float32), np.array(labels, np.float32)[:, None]
    with pytest.raises(BlockError, match=r"loss: the labels must be 0 and 1, or between. Received: "):
        L.BCELossLayer()([logits, wrong])
    assert float(L.BCELossLayer()([logits, np.abs(wrong) / 2])) == pytest.approx(math.log(2))


def test_labels_that_bce_cannot_take_are_told_out_of_a_graph_too(tmp_path):
    x, labels = np.zeros([8, 2], np.float32), np.array([-1.0, 1.0] * 4, np.float32)
    loss = L.BCELossLayer(inputs=[{"name": "ip1"}, {"name": "system_in", "idxs": [1]}])
    brain = Brain("b").attach(L.InnerProductLayer(1), loss)
    kid = Kid(Sensor(ArraySource(x, labels), 4), brain, max_steps=2, log_dir=tmp_path)
    with pytest.raises(DataError, match=r"loss1: the labels must be 0 and 1, or between. Received: -1 to 1"):
        kid.practice()


@pytest.mark.parametrize("given", [np.float64, np.float32])
def test_a_float64_layer_computes_in_float64_whatever_it_is_given(given):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(given)
    layer = L.InnerProductLayer(2, dtype="float64")
    for signal in (x, tf.constant(x)):
        np.testing.assert_allclose(layer(signal), x.astype(np.float64) @ layer.weights.numpy(), rtol=1e-15)
    mixed = Brain("b").attach(
        L.InnerProductLayer(3), L.InnerProductLayer(2, dtype="float64"), L.InnerProductLayer(1)
    )
    assert mixed(x).dtype == tf.float32


def test_losses_of_several_dtypes_are_added_up():
    trip = Trip()
    decay = {"type": "l2", "scale": 2.0}
    for dtype in ("float64", "float32"):
        L.InnerProductLayer(1, {"name": "constant", "value": 3.0}, wd=decay, dtype=dtype, name=dtype)(
            np.ones([1, 1]), trip
        )
    assert float(trip.total_loss) == 18.0


@pytest.mark.parametrize("options", [{"center": True}, {"scale": True}])
def test_whole_numbers_of_no_known_range_are_neither_centred_nor_scaled(options):
    sensor = Sensor(ArraySource(np.zeros([8, 2], np.int16), **options), 4)
    sensor.setup()
    with pytest.raises(
        DataError, match=r"center and scale must know the range of the pixels.* int16 is not known"
    ):
        sensor.signature()
