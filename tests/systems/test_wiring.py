"""Which outputs of which blocks a block takes, and what is said when that cannot work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks import Block, ProcessingLayer
from akid.blocks.brain import Brain
from akid.blocks.graph import GraphSystem
from akid.blocks.system import SequentialSystem
from akid.blocks.trip import Trip
from akid.blocks.wiring import SYSTEM_IN, Edge, edges_of
from akid.errors import BlockError, WiringError
from akid.jokers import PadJoker
from akid.layers import ConcatLayer, InnerProductLayer, MergeLayer, ReLULayer, ScatterLayer

X = np.arange(8, dtype=np.float32).reshape(2, 4)
Y = np.array([[10.0, 20.0], [30.0, 40.0]], np.float32)


class Add(ProcessingLayer):
    """The signal, or the sum of the signals' means, plus a constant; remembers what it was given."""

    stem = "add"

    def __init__(self, number: float = 1.0, name: str | None = None, inputs: Any = None) -> None:
        super().__init__(name, inputs)
        self.number = number

    def _forward(self, x: Any, trip: Trip) -> Any:
        return x + self.number


class Shapes(ProcessingLayer):
    """Gives the shapes of its arguments, as a text."""

    stem = "shapes"

    def _forward(self, x: Any, trip: Trip) -> Any:
        self.got = [tuple(a.shape) for a in x] if isinstance(x, list) else tuple(x.shape)
        return x


def got(*blocks: Any, inputs: Any = None, signal: Any = None) -> Any:
    """The shapes that the last block of a brain of these blocks is given."""
    last = Shapes(inputs=inputs)
    Brain().attach(*blocks, last)([X, Y] if signal is None else signal)
    return last.got


def test_without_inputs_the_first_block_takes_the_first_signal() -> None:
    assert got() == (2, 4)
    assert got(signal=X) == (2, 4)


def test_without_inputs_a_block_takes_all_outputs_of_the_one_before() -> None:
    assert got(ScatterLayer([1, 3])) == [(2, 1), (2, 3)]
    assert got(Add()) == (2, 4)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["a"], (2, 4)),
        ([{"name": "a"}], (2, 4)),
        ([{"name": "s"}], [(2, 1), (2, 3)]),
        (["s", "a"], [(2, 1), (2, 3), (2, 4)]),
        ([{"name": "s", "idxs": [1]}], (2, 3)),
        ([{"name": "s", "idxs": 0}], (2, 1)),
        ([{"name": "s", "idxs": [1, 0, 1]}], [(2, 3), (2, 1), (2, 3)]),
        (["system_in"], [(2, 4), (2, 2)]),
        ([{"name": "system_in", "idxs": [1]}, "a"], [(2, 2), (2, 4)]),
    ],
    ids=str,
)
def test_inputs_name_the_arguments_in_order(inputs: Any, expected: Any) -> None:
    assert got(Add(name="a"), ScatterLayer([1, 3], name="s"), inputs=inputs) == expected


def test_lists_and_tuples_are_flattened() -> None:
    brain = Brain().attach([Add(name="a"), (Add(name="b"), [Add(name="c")])], Add(name="d"))
    assert [block.name for block in brain] == ["a", "b", "c", "d"]
    assert len(brain) == 4
    np.testing.assert_allclose(brain(X), X + 4)


def test_a_system_gives_what_its_last_block_gives() -> None:
    out = Brain().attach(Add(name="a"), ScatterLayer([1, 2]))(X)
    assert [o.shape.as_list() for o in out] == [[2, 1], [2, 2]]


def test_a_sequential_system_is_a_row() -> None:
    system = SequentialSystem().attach(Add(1.0), Add(2.0))
    np.testing.assert_allclose(system(X), X + 3)
    assert [block.name for block in system] == ["add1", "add2"]


def test_unnamed_blocks_are_named_by_their_stem_and_number() -> None:
    brain = Brain().attach(Add(), ReLULayer(), Add(), Add(name="add4"), Add(), Brain().attach(Add()))
    assert [block.name for block in brain] == ["add1", "relu1", "add2", "add4", "add5", "brain1"]


def test_a_nested_brain_takes_a_branch_and_is_a_block_like_others() -> None:
    inner = Brain("inner", inputs=["a", {"name": "system_in", "idxs": [1]}])
    inner.attach(Shapes(inputs=["system_in"], name="it"))
    Brain().attach(Add(name="a"), Add(name="b"), inner)([X, Y])
    assert inner.blocks[0].got == [(2, 4), (2, 2)]  # type: ignore[attr-defined]


def test_names_of_inner_blocks_do_not_clash_with_outer_ones() -> None:
    brain = Brain().attach(Add(1.0, name="a"), Brain("b").attach(Add(2.0, name="a"), Add(inputs=["a"])))
    np.testing.assert_allclose(brain(X), X + 4)


def test_feedback_carries_the_value_of_the_step_before() -> None:
    # s_t = x + a_(t-1), a_t = s_t + 1; a_0 = 0.
    brain = Brain(time_steps=3).attach(MergeLayer(inputs=["system_in", "a"], name="s"), Add(1.0, name="a"))
    np.testing.assert_allclose(brain(X), 3 * X + 3)


def test_a_block_may_feed_itself() -> None:
    brain = Brain(time_steps=4).attach(MergeLayer(inputs=["system_in", "s"], name="s"))
    np.testing.assert_allclose(brain(X), 4 * X)


def test_a_feedback_edge_states_its_shape_where_none_follows() -> None:
    edge = {"name": "a", "idxs": [0], "shape": [3]}
    brain = Brain(time_steps=2).attach(
        ConcatLayer(inputs=["system_in", edge], name="c"), InnerProductLayer(3, "ones", name="a")
    )
    total = X.sum(-1)
    np.testing.assert_allclose(brain(X), np.repeat((total + 3 * total)[:, None], 3, 1))


def test_feedback_starts_as_zeros_of_the_dynamic_batch() -> None:
    brain = Brain(time_steps=2).attach(MergeLayer(inputs=["system_in", "s"], name="s"))
    traced = tf.function(lambda x: brain(x), [tf.TensorSpec([None, 4])], autograph=False)
    for rows in (1, 2):
        np.testing.assert_allclose(traced(X[:rows]), 2 * X[:rows])


def test_later_steps_see_later_values_of_one_output_of_several() -> None:
    edge = {"name": "p", "idxs": [1]}
    brain = Brain(time_steps=2).attach(
        MergeLayer(inputs=[{"name": "system_in", "idxs": [1]}, edge], name="s"),
        ConcatLayer(inputs=["s", "s"]),
        ScatterLayer([2, 2], name="p"),
    )
    np.testing.assert_allclose(brain([X, Y])[1], 2 * Y)


NOT_BEFORE = r"Block 'b' takes its input from '{}', which is not attached before it. "
LATER = (
    r"An input from a block attached later, or from itself, is feedback: it needs a system with time_steps=T > 1."
)


def two(entry: Any, time_steps: int = 1) -> Any:
    return Brain(time_steps=time_steps).attach(Add(name="first"), Add(name="b", inputs=[entry]))


def feedback(edge: Any, kind: Any = ConcatLayer) -> Any:
    brain = Brain(time_steps=2).attach(kind(inputs=["system_in", edge], name="c"), ScatterLayer([2, 2], name="s"))
    return brain(X)


ENTRY = r"b: inputs\[0\]: expected a block's name or {\"name\": ..., \"idxs\": \[...\]}. Received: "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: two("fisrt"), NOT_BEFORE.format("fisrt") + r"Did you mean 'first'\? " + LATER),
        (lambda: two("zzz"), NOT_BEFORE.format("zzz") + "Known: first, system_in. " + LATER),
        (lambda: two("b"), NOT_BEFORE.format("b") + ".*" + LATER),
        (lambda: two("fisrt", 2)(X), NOT_BEFORE.format("fisrt") + r"Did you mean 'first'\?$"),
        (lambda: two(3), ENTRY + "3"),
        (lambda: two({"idxs": [0]}), ENTRY + r"{'idxs': \[0\]}"),
        (
            lambda: two({"name": "first", "idx": [0]}),
            r"b: inputs\[0\]: unknown key 'idx'. Did you mean 'idxs'\? Received: {'name': 'first', 'idx': \[0\]}",
        ),
        (
            lambda: two({"name": "first", "idxs": ["0"]}),
            r"b: inputs\[0\]: idxs must be a list of integers. Received: idxs=\['0'\]",
        ),
        (
            lambda: two({"name": "first", "idxs": "0"}),
            r"b: inputs\[0\]: idxs must be a list of integers. Received: idxs='0'",
        ),
        (
            lambda: two({"name": "first", "shape": [2.5]}),
            r"b: inputs\[0\]: shape must be a list of integers. Received: shape=\[2.5\]",
        ),
        (
            lambda: two({"name": "first", "idxs": [1]})(X),
            r"Block 'b': index out of range in {'name': 'first', 'idxs': \[1\]}: 'first' has 1 output\(s\),"
            r" expected indices 0 to 0. Received: 1",
        ),
        (lambda: two({"name": "first", "idxs": [-1]})(X), r"index out of range .* Received: -1"),
        (
            lambda: two({"name": "system_in", "idxs": [1]})(X),
            r"Block 'b': index out of range in {'name': 'system_in', 'idxs': \[1\]}: 'system_in' has 1",
        ),
        (
            lambda: feedback({"name": "s", "idxs": [0]}),
            r"Block 'c': the feedback from 's' has no value at the first time step and its shape is not known."
            r" State it: {'name': 's', 'shape': \[...\]} \(without the batch\).",
        ),
        (
            lambda: feedback({"name": "s", "shape": [4]}, MergeLayer),
            r"Block 'c': the feedback from 's', which has 2 outputs, must name those it takes: {'name': 's', ",
        ),
        (lambda: Brain("empty")(X), r"'empty' has no blocks; attach some before its set-up."),
        (
            lambda: Brain("it").attach(Add(name="a"), Add(name="a")),
            r"'it': a block called 'a' is attached already; names must be unique in a system.",
        ),
        (
            lambda: Brain("it").attach(Add(name="system_in")),
            r"'it': a block called 'system_in' is reserved; names must be unique in a system.",
        ),
        (
            lambda: Brain("it").attach([Add()] * 2),
            r"'it': 'add1' is attached already; a block stands in one place of a system.",
        ),
    ],
)
def test_wiring_errors_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(WiringError, match=message):
        make()


def attach_late() -> None:
    brain = Brain("it").attach(Add(name="a"))
    brain(X)
    brain.attach(Add(name="late"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Brain("it").attach(PadJoker(name="p")),
            r"Brain 'it' is made of ProcessingLayers. Received: PadJoker\(name='p'.*\) of type PadJoker",
        ),
        (
            lambda: Brain("it").attach("conv"),
            r"Brain 'it' is made of ProcessingLayers. Received: 'conv' of type str",
        ),
        (attach_late, r"'it' has run already; attach 'late' before its set-up."),
        (lambda: Brain("it", time_steps=0), r"it: time_steps must be an integer >= 1. Received: time_steps=0"),
        (
            lambda: Brain("it", time_steps=True),
            r"it: time_steps must be an integer >= 1. .*=True",
        ),
        (
            lambda: GraphSystem("it", time_steps=1.5),
            r"it: time_steps must be an integer >= 1. .*=1.5",
        ),  # type: ignore[arg-type]
        (
            lambda: Add(name="a/b"),
            r"A block's name has letters, digits, '_', '.' and '-' only. Received: name='a/b'",
        ),
        (lambda: Add(name=""), r"A block's name has letters, .* Received: name=''"),
        (lambda: Block("b").variable("w", [1]), r"b: variable\('w'\) is called outside of _setup\(\)."),
        (
            lambda: Brain().attach(InnerProductLayer(2, name="ip")).build([tf.TensorSpec([None, None])]),
            r"ip: cannot make 'weights': a dimension is not known before the first signal. Received:"
            r" shape=\(None, 2\). Give the signal a static shape \(all but the batch\).",
        ),
    ],
)
def test_errors_of_blocks_and_systems_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()


def test_a_block_without_a_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Block must define _forward\(self, x, trip\)"):
        Block("b")(X)


def test_edges_are_parsed_into_values() -> None:
    assert edges_of(["a", {"name": SYSTEM_IN, "idxs": (0, 2)}, {"name": "c", "shape": [2, 3]}], "b") == (
        Edge("a"),
        Edge("system_in", (0, 2)),
        Edge("c", None, (2, 3)),
    )


def test_the_users_inputs_are_not_changed() -> None:
    entry = {"name": "first", "idxs": [0]}
    two(entry)(X)
    assert entry == {"name": "first", "idxs": [0]}


def test_a_thousand_blocks_are_attached_and_traced_without_looking_at_each_of_them_again() -> None:
    looked: list[str] = []

    class Seen(ProcessingLayer):
        @property
        def name(self) -> str:
            looked.append("name")
            return super().name

        def _forward(self, x: Any, trip: Any) -> Any:
            return x

    brain = Brain()
    for i in range(1000):
        brain.attach(Seen(name=f"b{i}", inputs=[f"b{i - 1}" if i else SYSTEM_IN]))
    assert len(looked) < 10_000
    looked.clear()
    brain.build([tf.TensorSpec([None, 4])])
    assert len(looked) < 30_000
