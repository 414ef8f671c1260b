"""What every block does around its forward: hooks, names, debugging, copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import InnerProductLayer, ReLULayer, ScatterLayer

X = np.array([[1.0, -2.0], [3.0, -4.0]], np.float32)


class Scale(ProcessingLayer):
    """The block of the manual: a gain per channel."""

    stem = "scale"

    def _setup(self, x: Any) -> None:
        self.gain = self.variable("gain", x.shape[-1:], init="ones")

    def _forward(self, x: Any, trip: Trip) -> Any:
        return self.gain * x


def test_hooks_are_called_around_set_up_and_forward() -> None:
    calls: list[tuple[str, bool, list[int]]] = []
    block = Scale(name="it")
    for kind, hooks in vars(block.hooks).items():
        hooks.append(lambda b, x, _, kind=kind: calls.append((kind, bool(b.own_variables), x.shape.as_list())))
        hooks.append(lambda b, x, _, kind=kind: calls.append((f"{kind} 2", b.built, x.shape.as_list())))
    block(X)
    assert calls == [
        ("pre_setup", False, [2, 2]),
        ("pre_setup 2", False, [2, 2]),
        ("post_setup", True, [2, 2]),
        ("post_setup 2", False, [2, 2]),
        ("pre_forward", True, [2, 2]),
        ("pre_forward 2", True, [2, 2]),
        ("post_forward", True, [2, 2]),
        ("post_forward 2", True, [2, 2]),
    ]
    calls.clear()
    block(X)
    assert [kind for kind, *_ in calls][::2] == ["pre_forward", "post_forward"]


def test_what_a_post_forward_hook_gives_replaces_the_output() -> None:
    block = Scale()
    block.hooks.post_forward.append(lambda b, out, trip: out + 1)
    block.hooks.post_forward.append(lambda b, out, trip: None)
    block.hooks.post_forward.append(lambda b, out, trip: out * 10)
    np.testing.assert_allclose(block(X), (X + 1) * 10)
    brain = Brain().attach(block, ReLULayer())
    np.testing.assert_allclose(brain(X), np.maximum((X + 1) * 10, 0))


def test_hooks_see_the_passage() -> None:
    block, trip = Scale(name="it"), Trip(training=True)
    block.hooks.pre_forward.append(lambda b, x, trip: trip.summary("seen", x))
    block(X, trip)
    assert list(trip.summaries) == ["it/seen"]


def test_a_copys_hooks_are_its_own() -> None:
    block = Scale()
    block(X)
    block.hooks.post_forward.append(lambda b, out, trip: out * 0)
    twin = block.copy()
    twin.hooks.post_forward.clear()
    np.testing.assert_allclose(twin(X), X)
    np.testing.assert_allclose(block(X), 0 * X)


def test_a_copy_before_the_first_signal_would_share_nothing() -> None:
    with pytest.raises(BlockError, match=r"'it' has no variables to share yet; send a signal through it before"):
        Scale(name="it").copy()
    with pytest.raises(BlockError, match=r"'it' has no variables to share yet"):
        Brain("it").attach(Scale()).copy()


def test_a_clone_before_the_first_signal_makes_variables_of_its_own() -> None:
    block = Scale()
    twin = block.clone()
    block(X)
    twin(X)
    assert twin.gain is not block.gain


def test_a_copy_of_a_brain_shares_what_is_built_later_too() -> None:
    brain = Brain().attach(Scale(name="a"), Scale(name="late", inputs=["a"]))
    late = brain.blocks[1]
    brain.built = True
    brain.blocks[0](X)
    twin = brain.copy()
    late(X)
    assert twin.named_variables().keys() == {"a/gain", "late/gain"}
    assert twin["late/gain"] is brain["late/gain"]


@pytest.mark.parametrize("traced", [False, True])
def test_debug_names_the_first_block_that_is_not_finite(traced: bool) -> None:
    class Log(ProcessingLayer):
        def _forward(self, x: Any, trip: Trip) -> Any:
            return tf.math.log(x)

    inner = Brain("inner").attach(Scale(name="fine"), Log(name="log"), ReLULayer(name="after"))
    brain = Brain().attach(Scale(name="first"), inner, ReLULayer(name="last"))

    def forward(x: Any) -> Any:
        return brain(x, Trip(debug=True))

    run = tf.function(forward, autograph=False) if traced else forward
    with pytest.raises(tf.errors.InvalidArgumentError, match="The output of block 'inner/log' is not finite"):
        run(tf.constant(X))
    assert not np.isfinite(brain(X).numpy()).all()


def test_debug_looks_at_every_output_and_at_floats_only() -> None:
    class Both(ProcessingLayer):
        def _forward(self, x: Any, trip: Trip) -> Any:
            return [tf.constant([1]), x / 0.0]

    with pytest.raises(tf.errors.InvalidArgumentError, match="The output of block 'both' is not finite"):
        Both("both")(X, Trip(debug=True))


def test_arrays_become_float32_tensors_and_tensors_keep_their_dtype() -> None:
    seen: list[Any] = []

    class See(ProcessingLayer):
        def _forward(self, x: Any, trip: Trip) -> Any:
            seen.append([a.dtype.name for a in x])
            return x[0]

    See()([X.astype(np.float64), np.array([1], np.int32), tf.constant([1.0], tf.float64)])
    assert seen == [["float32", "int32", "float64"]]


def test_a_block_outside_of_a_system_notes_under_its_own_name() -> None:
    trip = Trip(keep=True)
    InnerProductLayer(2, wd={"type": "l2", "scale": 1.0}, name="ip")(X, trip)
    assert list(trip.losses) == ["ip/wd"]
    assert list(trip.data) == ["ip"]


def test_output_shapes_are_kept_without_the_tensors() -> None:
    block = ScatterLayer([1, 1])
    assert block.output_shape is None
    traced = tf.function(lambda x: block(x), [tf.TensorSpec([None, 2])], autograph=False)
    traced(X)
    assert block.output_shape == [(None, 1), (None, 1)]


def test_dtype_is_of_the_variables() -> None:
    block = InnerProductLayer(2, dtype="float64")
    assert block(tf.constant(X, tf.float64)).dtype == tf.float64
    assert {v.dtype for v in block.named_variables().values()} == {tf.float64}


def test_num_parameters_counts_what_is_learnt() -> None:
    brain = Brain().attach(InnerProductLayer(3), Brain().attach(Scale()))
    brain(X)
    assert brain.num_parameters == 2 * 3 + 3 + 3
