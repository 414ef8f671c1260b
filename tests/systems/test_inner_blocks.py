"""Blocks that a block of one's own holds in attributes, lists, tuples and dicts."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import DropoutLayer, InnerProductLayer, KerasLayer, ReLULayer

X = np.array([[1.0, -2.0], [3.0, -4.0]], np.float32)
WD = {"type": "l2", "scale": 1.0}


class Nest(ProcessingLayer):
    """Holds blocks in every way."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = InnerProductLayer(2, wd=WD, max_norm=0.1)
        self.layers = [InnerProductLayer(2), ReLULayer(), (InnerProductLayer(2, name="own"),)]
        self.heads = {"left": InnerProductLayer(2), "right": KerasLayer({"type": "Dense", "units": 2})}
        self.branch = Brain().attach(InnerProductLayer(2), DropoutLayer(0.5))

    def _setup(self, x: Any) -> None:
        self.made_late = InnerProductLayer(2)

    def _forward(self, x: Any, trip: Trip) -> Any:
        x = self.inner(x, trip)
        for layer in (*self.layers[:2], self.layers[2][0], *self.heads.values(), self.branch, self.made_late):
            x = layer(x, trip)
        return x


def brain_of(block: ProcessingLayer) -> Brain:
    brain = Brain().attach(InnerProductLayer(2, name="first"), block)
    brain.build([tf.TensorSpec([None, 2])])
    return brain


PATHS = ["inner", "layers_0", "own", "heads_left", "branch/ip1", "made_late"]
NAMES = {f"nest/{path}/{part}" for path in PATHS for part in ("weights", "biases")} | {
    "nest/heads_right/kernel",
    "nest/heads_right/bias",
}


def test_their_variables_are_found_by_full_names() -> None:
    brain = brain_of(Nest(name="nest"))
    assert set(brain.named_variables()) == NAMES | {"first/weights", "first/biases"}
    assert brain.parameters.keys() == brain.named_variables().keys()
    assert brain.num_parameters == 8 * (4 + 2)
    assert brain["nest/branch/ip1/weights"] is brain.block("nest/branch/ip1").weights  # type: ignore[attr-defined]
    assert list(brain.named_variables()) == list(brain_of(Nest(name="nest")).named_variables())


def test_what_they_note_has_their_path() -> None:
    brain, trip = brain_of(Nest(name="nest")), Trip(training=True, keep=True)
    brain(X, trip)
    assert list(trip.losses) == ["nest/inner/wd"]
    assert {f"nest/{path}" for path in (*PATHS, "layers_1", "branch", "branch/dropout1")} <= trip.data.keys()
    assert brain.summary().count("InnerProductLayer") == len(PATHS) + 1


def test_random_draws_are_of_their_path() -> None:
    class Drop(ProcessingLayer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.pair = [DropoutLayer(0.5), DropoutLayer(0.5)]

        def _forward(self, x: Any, trip: Trip) -> Any:
            return [layer(x, trip) for layer in self.pair]

    ones, clock = np.ones([4, 64], np.float32), {"training": True, "step": 3, "seed": 5}
    first, second = Brain().attach(Drop(name="drop"))(ones, Trip(**clock))
    alone, trip = DropoutLayer(0.5, name="pair_1"), Trip(**clock)
    with trip.inside("drop"):
        expected = alone(ones, trip)
    np.testing.assert_array_equal(second, expected)
    assert not np.array_equal(first, second)


def test_constraints_reach_them() -> None:
    brain = brain_of(Nest(name="nest"))
    weights = brain["nest/inner/weights"]
    weights.assign([[3.0, 0.0], [4.0, 0.01]])
    brain.constrain()
    np.testing.assert_allclose(weights, [[0.06, 0.0], [0.08, 0.01]], rtol=1e-6)


def test_a_brain_that_keeps_what_it_attaches_has_it_once() -> None:
    class Kept(Brain):
        def __init__(self) -> None:
            super().__init__()
            self.first = InnerProductLayer(2)
            self.attach(self.first, ReLULayer())

    brain = Kept()
    brain(X)
    assert list(brain.named_variables()) == ["ip1/weights", "ip1/biases"]
    assert [name for name, _ in brain.named_blocks()] == ["ip1", "relu1"]


def test_a_copy_shares_them_and_a_clone_has_its_own() -> None:
    nest = Nest(name="nest")
    nest(X)
    twin, clone = nest.copy(), nest.clone()
    assert twin.inner is not nest.inner
    assert twin.heads["left"] is twin.inner_blocks()[4]
    for name, variable in nest.named_variables().items():
        assert twin.named_variables()[name] is variable
        assert clone.named_variables()[name] is not variable
    np.testing.assert_array_equal(clone(X), nest(X))


def test_a_reference_to_what_is_around_a_block_is_not_inside_of_it() -> None:
    relu, brain = ReLULayer(name="relu"), Brain()
    brain.attach(InnerProductLayer(2, name="ip"), relu)
    relu.parent = brain
    brain(X)
    assert list(brain.named_variables()) == ["ip/weights", "ip/biases"]
    assert brain.copy().blocks[1].parent is not brain


def test_two_of_one_name_are_refused() -> None:
    block = ReLULayer(name="it")
    block.a = InnerProductLayer(2, name="x")
    with pytest.raises(BlockError, match=r"'it' holds two blocks called 'x'; .* Received: name='x' in 'b'"):
        block.b = InnerProductLayer(2, name="x")


def test_variables_in_attributes_are_found_too() -> None:
    class Gain(ProcessingLayer):
        def __init__(self) -> None:
            super().__init__()
            self.gain = tf.Variable(2.0)
            self.calls = tf.Variable(0)

        def _forward(self, x: Any, trip: Trip) -> Any:
            return self.gain * x

    brain = brain_of(Gain())
    assert {n for n in brain.named_variables() if n.startswith("layer1")} == {"layer1/gain", "layer1/calls"}
    assert "layer1/gain" in brain.parameters
    assert "layer1/calls" not in brain.parameters


def test_what_would_not_be_found_is_refused() -> None:
    class Lost(ProcessingLayer):
        def _forward(self, x: Any, trip: Trip) -> Any:
            return InnerProductLayer(2, name="gone")(x, trip)

    class Foreign(ProcessingLayer):
        def _setup(self, x: Any) -> None:
            self.dense = keras.layers.Dense(2)
            self.dense.build(x.shape)

        def _forward(self, x: Any, trip: Trip) -> Any:
            return self.dense(x)

    with pytest.raises(BlockError, match="'lost/gone/weights' would be neither trained nor saved: its block ran"):
        brain_of(Lost(name="lost"))
    with pytest.raises(BlockError, match=r"'own': what Dense in 'dense' has to learn .* Wrap a Keras layer in a"):
        brain_of(Foreign(name="own"))
    with pytest.raises(BlockError, match="neither trained nor saved"):
        Brain().attach(Lost(name="lost")).setup(X)
