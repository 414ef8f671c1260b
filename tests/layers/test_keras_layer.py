"""KerasLayer: any Keras layer keeps akid's rules."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import KerasLayer, keras_layer

X = np.random.default_rng(5).normal(size=(8, 3)).astype(np.float32)


def test_it_computes_what_keras_computes() -> None:
    layer = keras.layers.Dense(4, activation="relu")
    np.testing.assert_allclose(KerasLayer(layer)(X), layer(X))
    bidirectional = keras.layers.Bidirectional(keras.layers.LSTM(2))
    np.testing.assert_allclose(KerasLayer(bidirectional)(X[:, :, None]), bidirectional(X[:, :, None]), rtol=1e-5)


def test_a_layer_with_several_inputs_takes_a_list() -> None:
    np.testing.assert_allclose(KerasLayer(keras.layers.Add())([X, X]), 2 * X)
    np.testing.assert_allclose(KerasLayer({"type": "Concatenate"})([X, X]), np.concatenate([X, X], -1))


def model() -> Any:
    layers = keras.layers
    return keras.Sequential([layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)])


@pytest.mark.parametrize("built_before", [False, True])
def test_names_do_not_depend_on_what_keras_made_before(built_before: bool) -> None:
    wrapped = model()
    if built_before:
        wrapped.build((None, 3))
    brain = Brain().attach(KerasLayer(wrapped, name="k"))
    brain(X)
    bn = [f"k/batch_normalization/{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance")]
    dense = [f"k/dense{i}/{n}" for i in ("", "_1") for n in ("kernel", "bias")]
    assert set(brain.named_variables()) == {*bn, *dense, "k/seed_generator/seed_generator_state"}
    assert set(brain.parameters) == {*bn[:2], *dense}


def test_names_given_by_the_user_stay() -> None:
    block = KerasLayer(keras.Sequential([keras.layers.Dense(2, name="head_7"), keras.layers.Dense(2, name="x")]))
    block(X)
    assert set(block.named_variables()) == {"head_7/kernel", "head_7/bias", "x/kernel", "x/bias"}


def test_two_variables_of_one_name_are_told_apart() -> None:
    class Twins(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.a = self.add_weight(shape=(1,), name="w")
            self.b = self.add_weight(shape=(2,), name="w")

        def call(self, x: Any) -> Any:
            return x

    block = KerasLayer(Twins())
    block(X)
    assert {n: tuple(v.shape) for n, v in block.named_variables().items()} == {"w": (1,), "w_": (2,)}


def test_it_is_built_inside_a_function_and_learns() -> None:
    block = KerasLayer({"type": "Dense", "units": 2}, name="k")

    @tf.function(autograph=False)
    def gradients(x: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(block(x, Trip(training=True)) ** 2)
        return tape.gradient(loss, [block.own_variables["kernel"]])

    gradient = gradients(X)[0]
    w = block.own_variables["kernel"].numpy()
    np.testing.assert_allclose(gradient, 2 * X.T @ (X @ w), rtol=1e-4)


def test_losses_and_frozen_layers() -> None:
    layer = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.5), activity_regularizer="l1")
    layer.trainable = False
    block, trip = KerasLayer(layer, name="k"), Trip()
    out = block(X, trip)
    kernel = block.own_variables["kernel"].numpy()
    activity = 0.01 * np.abs(out.numpy()).sum() / len(X)
    expected = {0.5 * (kernel**2).sum() + activity, activity}
    assert any(np.isclose(trip.losses["k/losses"], e, rtol=1e-4) for e in expected)
    assert block.parameters == {}


def test_moving_statistics_move_only_when_the_trip_updates() -> None:
    block = KerasLayer({"type": "BatchNormalization", "momentum": 0.0})
    block(X)
    for trip in (Trip(), Trip(training=True)):
        trip.last = not trip.training
        block(X, trip)
        np.testing.assert_array_equal(block.own_variables["moving_mean"], np.zeros(3))
    block(X, Trip(training=True))
    np.testing.assert_allclose(block.own_variables["moving_mean"], X.mean(0), atol=1e-6)


def test_dropout_goes_on_from_its_saved_state() -> None:
    block = KerasLayer({"type": "Dropout", "rate": 0.5})
    block(X)
    state = block.own_variables["seed_generator/seed_generator_state"]
    saved = state.numpy()
    first, second = (block(X, Trip(training=True)).numpy() for _ in range(2))
    assert not np.allclose(first, second)
    state.assign(saved)
    np.testing.assert_array_equal(block(X, Trip(training=True)), first)


def test_a_clone_of_a_brain_with_a_keras_model_is_another_one() -> None:
    brain = Brain().attach(KerasLayer(model(), name="k"))
    out = brain(X)
    clone = brain.clone()
    np.testing.assert_allclose(clone(X), out, rtol=1e-6)
    brain["k/dense/bias"].assign_add(tf.ones(4))  # type: ignore[union-attr]
    np.testing.assert_allclose(clone(X), out, rtol=1e-6)
    assert not np.allclose(brain(X), out)


def test_a_clone_before_the_first_signal() -> None:
    assert KerasLayer({"type": "Dense", "units": 2}).clone()(X).shape == [8, 2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: KerasLayer({"units": 2}),
            r'keras: layer must be a Keras layer, or \{"type": "Dense", "units": 10\}',
        ),
        (lambda: KerasLayer(3), r"keras: layer must be a Keras layer, .* Received: layer=3"),
        (lambda: KerasLayer({"type": "Dence"}), r"keras: Keras has no layer 'Dence'. Did you mean 'Dense'\?"),
        (
            lambda: KerasLayer({"type": "Dense", "unitz": 2}),
            r"keras: Keras does not make this layer: .* Received: \{'type': 'Dense', 'unitz': 2\}",
        ),
    ],
)
def test_errors_of_keras_layers_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()


def test_another_keras_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(BlockError, match=r"set KERAS_BACKEND=tensorflow before .* Received: backend='jax'"):
        KerasLayer({"type": "Dense", "units": 2})


def test_without_keras_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(BlockError, match=r"KerasLayer needs Keras 3, which is not installed: pip install keras"):
        keras_layer._keras()


def test_the_layers_do_not_import_keras() -> None:
    code = "import sys, akid.layers; sys.exit('keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
