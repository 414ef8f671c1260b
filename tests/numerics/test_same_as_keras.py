"""The same numerics as Keras: the same weights give the same logits, and the same momentum steps."""

from __future__ import annotations

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.kongfus import MomentumKongFu
from akid.models.brains import LeNet

keras = pytest.importorskip("keras")
BATCH, CLASSES, RATE = 32, 10, 0.01


@pytest.fixture
def images() -> np.ndarray:
    """20 batches of random images."""
    return np.random.default_rng(0).random([20, BATCH, 28, 28, 1], np.float32)


@pytest.fixture
def labels() -> np.ndarray:
    """20 batches of random labels."""
    return np.random.default_rng(1).integers(0, CLASSES, [20, BATCH])


def keras_lenet():
    """LeNet as a Keras model that gives logits."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    blocks = [
        layer
        for channels in (32, 64)
        for layer in (
            layers.Conv2D(channels, 5, padding="same", activation="relu"),
            layers.MaxPool2D(2, padding="same"),
        )
    ]
    return keras.Sequential(
        [keras.Input((28, 28, 1)), *blocks, layers.Flatten(), layers.Dense(512, "relu"), layers.Dense(CLASSES)]
    )


def brain_with_weights_of(model) -> LeNet:
    """A LeNet with the weights of the Keras model."""
    brain = LeNet()
    brain.build([tf.TensorSpec([None, 28, 28, 1]), tf.TensorSpec([None], tf.int64)])
    for ours, theirs in zip(brain.parameters.values(), model.trainable_variables, strict=True):
        ours.assign(theirs.value)
    return brain


def test_the_same_weights_give_the_same_logits(images):
    model = keras_lenet()
    logits = brain_with_weights_of(model).predict(images[0])["ip2"]
    np.testing.assert_allclose(logits, model(images[0]), rtol=1e-5, atol=1e-5)


def test_twenty_momentum_steps_give_the_same_parameters(images, labels):
    model = keras_lenet()
    brain = brain_with_weights_of(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(RATE, momentum=0.9), loss=loss)
    kongfu = MomentumKongFu(RATE)
    kongfu.setup(brain.parameters)
    parameters = list(brain.parameters.values())

    def step(number, data, label):
        with tf.GradientTape() as tape:
            trip = Trip(training=True, step=number)
            brain([data, label], trip)
        kongfu.apply(tape.gradient(trip.total_loss, parameters), number)

    step = tf.function(step, autograph=False)
    for number, (data, label) in enumerate(zip(images, labels, strict=True)):
        step(tf.constant(number, tf.int64), tf.constant(data), tf.constant(label))
        model.train_on_batch(data, label)
    for ours, theirs in zip(parameters, model.trainable_variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-5)
