"""Every block keeps the same rules: tests over the table in conformance/blocks.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.blocks import ABSTRACT, ROWS
from conformance.rows import BATCH, NO_GRADIENT, RANDOM, Row

import akid.layers
from akid.backend import tf
from akid.blocks import Block, ProcessingLayer
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.manifests.declare import declare_kid

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


def rows_with(flag: str, wanted: bool = True) -> pytest.MarkDecorator:
    chosen = [row for row in ROWS if (flag in row.flags) is wanted]
    return pytest.mark.parametrize("row", chosen, ids=lambda row: row.id)


def as_list(signal: Any) -> list[Any]:
    return signal if isinstance(signal, list) else [signal]


def assert_same(left: Any, right: Any, tolerance: float = 1e-5) -> None:
    assert isinstance(left, list) == isinstance(right, list)
    for a, b in zip(as_list(left), as_list(right), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def state(block: Block) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in block.named_variables().items()}


def test_every_exported_layer_has_a_line() -> None:
    exported = {c for n in akid.layers.__all__ if issubclass(c := getattr(akid.layers, n), Block)}
    missing = exported - ABSTRACT - {type(row.block()) for row in ROWS}
    assert not missing, f"add a line to tests/conformance/blocks.py for {sorted(c.__name__ for c in missing)}"


@every_row
def test_builds_once_with_inferred_shapes(row: Row) -> None:
    block = row.block(name="it")
    setups: list[str] = []
    block.hooks.pre_setup.append(lambda b, *_: setups.append(b.name))
    assert not block.built
    assert block.num_parameters == 0
    out = block(row.signal(4))
    before = block.named_variables()
    block(row.signal(2))
    assert setups == ["it"]
    assert {n: tuple(v.shape) for n, v in before.items()} == row.variables
    assert all(block.named_variables()[n] is v for n, v in before.items())
    shapes = [tuple(o.shape) for o in as_list(out)]
    assert shapes == as_list(row.shape(4))


@pytest.mark.parametrize("row", [row for row in ROWS if row.variables], ids=lambda row: row.id)
def test_checkpoint_round_trip(row: Row, tmp_path: Path) -> None:
    first, second = row.built(Trip(seed=1)), row.built(Trip(seed=2))
    for variable in first.named_variables().values():
        variable.assign_add(tf.cast(tf.fill(variable.shape, 0.5), variable.dtype))
    saved = tf.train.Checkpoint(variables=first.named_variables()).write(str(tmp_path / "it"))
    tf.train.Checkpoint(variables=second.named_variables()).read(saved).assert_consumed()
    assert_same(second(row.signal()), first(row.signal()))


@pytest.mark.parametrize("training", [True, False], ids=["train", "infer"])
@every_row
def test_a_function_of_an_unknown_batch_equals_eager(row: Row, training: bool) -> None:
    eager, traced = row.built(name="it"), row.built(name="it")
    for mine, other in zip(traced.named_variables().values(), eager.named_variables().values(), strict=True):
        mine.assign(other)
    signal = as_list(row.signal())
    specs = [tf.TensorSpec([None, *s.shape[1:]], s.dtype) for s in signal]
    losses: dict[str, Any] = {}

    def forward(*args: tf.Tensor) -> Any:
        trip = Trip(training=training, step=3)
        out = traced(list(args) if len(args) > 1 else args[0], trip)
        return out, dict(trip.losses)

    function = tf.function(forward, specs, autograph=False)
    out, losses = function(*signal)
    trip = Trip(training=training, step=3)
    assert_same(as_list(eager(row.signal(), trip)), list(out) if isinstance(out, (list, tuple)) else [out])
    assert losses.keys() == trip.losses.keys()
    assert_same(list(losses.values()), list(trip.losses.values()))
    assert_same(list(state(traced).values()), list(state(eager).values()))
    static = function.get_concrete_function().structured_outputs[0]
    known = [tuple(o.shape) for o in (static if isinstance(static, (list, tuple)) else [static])]
    assert known == as_list(row.shape(None))  # type: ignore[arg-type]


@every_row
def test_batch_of_one_and_rows_are_independent(row: Row) -> None:
    block = row.built()
    signal = as_list(row.signal(4))
    whole = as_list(block(row.signal(4)))
    one = as_list(block([s[:1] for s in signal] if len(signal) > 1 else signal[0][:1]))
    assert [tuple(o.shape) for o in one] == as_list(row.shape(1))
    for alone, together in zip(one, whole, strict=True):
        if together.shape.rank:
            assert_same(alone, together[:1])


def objective(block: Block, args: list[tf.Tensor], weights: list[tf.Tensor]) -> tf.Tensor:
    """A number that depends on every output in training, and on every loss."""
    signal = args if len(args) > 1 else args[0]
    trained, noted = Trip(training=True, step=2), Trip(step=2)
    with trained.at_time(0, last=False):  # the state stays as it is between two evaluations
        out = as_list(block(signal, trained))
    block(signal, noted)
    weighted = [tf.reduce_sum(o * w) for o, w in zip(out, weights, strict=True)]
    return tf.add_n([*weighted, tf.cast(noted.total_loss, tf.float64)])


@rows_with(NO_GRADIENT, False)
def test_gradients_are_those_of_finite_differences(row: Row) -> None:
    block, rng, eps = row.built(name="it", dtype="float64"), np.random.default_rng(5), 1e-5
    signal = [tf.Variable(s, trainable=s.dtype.is_floating) for s in as_list(row.signal(3, tf.float64))]
    weights = [tf.constant(rng.normal(size=s)) for s in as_list(row.shape(3))]
    learnt = [*(s for s in signal if s.trainable), *block.parameters.values()]

    def value() -> tf.Tensor:
        return objective(block, [s.value() for s in signal], weights)

    with tf.GradientTape() as tape:
        start = value()
    for variable, gradient in zip(learnt, tape.gradient(start, learnt), strict=True):
        way, here = tf.constant(rng.normal(size=variable.shape)), variable.value()
        ends = []
        for end in (eps, -eps):
            variable.assign(here + end * way)
            ends.append(value())
        variable.assign(here)
        slope = tf.reduce_sum(tf.convert_to_tensor(gradient) * way)
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * eps), rtol=1e-5, atol=1e-6)


@every_row
def test_copy_shares_and_clone_does_not(row: Row) -> None:
    block = row.built(Trip(seed=1))
    copied, cloned = block.copy(), block.clone()
    before = block(row.signal())
    assert_same(copied(row.signal()), before)
    assert_same(cloned(row.signal()), before)
    for name, variable in block.named_variables().items():
        assert copied.named_variables()[name] is variable
        assert cloned.named_variables()[name] is not variable
        variable.assign_add(tf.cast(tf.fill(variable.shape, 0.25), variable.dtype))
    if row.variables:
        assert_same(copied(row.signal()), block(row.signal()))
        assert_same(cloned(row.signal()), before)
        changed = [not np.allclose(v, state(cloned)[n]) for n, v in state(block).items()]
        assert all(changed)


@pytest.mark.parametrize("row", [row for row in ROWS if isinstance(row.make, type)], ids=lambda row: row.id)
def test_a_manifest_may_say_what_python_says(row: Row) -> None:
    options = dict(row.options)
    if "type" in options:
        # In a manifest "type" is the class; these have a class for every type.
        options.pop("type")
    options |= {"name": "it", "inputs": ["system_in"]}
    block = {"type": row.make.__name__, **json.loads(json.dumps(options))}
    spec = {
        "sensor": {"source": {"type": "DigitsSource"}, "batch_size": 8},
        "brain": {"type": "Brain", "blocks": [block]},
        "kongfu": {"type": "MomentumKongFu"},
        "max_steps": 1,
    }
    kid = declare_kid(spec).kid
    assert [type(block) for block in kid.brain] == [row.make]


@every_row
def test_names_summary_and_repr(row: Row) -> None:
    block = row.block(name="it")
    assert type(block).__name__ in repr(block)
    assert "name='it'" in repr(block)
    for name, value in block.options().items():
        assert value is None or f"{name}={value!r}" in repr(block)
    if not isinstance(block, ProcessingLayer):
        return
    block.inputs = None if len(row.takes) == 1 else ("system_in",)
    brain, trip = Brain("outer").attach(block), Trip(training=True)
    brain(row.signal(), trip)
    assert set(brain.named_variables()) == {f"it/{name}" for name in row.variables}
    assert all(n == "it" or n.startswith("it/") for n in [*trip.losses, *trip.evals])
    line = brain.summary().splitlines()[2]
    assert line.split()[:2] == ["it", type(block).__name__]
    assert line.endswith(f"{block.num_parameters:,}")
    assert row.block().name == type(block).stem


@every_row
def test_training_differs_from_inference_only_where_it_says_so(row: Row) -> None:
    block = row.built()
    before = state(block)
    trained, inferred = as_list(block(row.signal(), Trip(training=True))), as_list(block(row.signal()))
    differs = any(not np.allclose(a, b) for a, b in zip(trained, inferred, strict=True))
    assert differs is bool(row.flags & {RANDOM, BATCH})
    moved = any(not np.array_equal(v, before[n]) for n, v in state(block).items())
    assert moved is (BATCH in row.flags)


@every_row
def test_a_brain_with_it_is_built_and_traced_without_a_signal(row: Row) -> None:
    block = row.block(name="it")
    if not isinstance(block, ProcessingLayer):
        pytest.skip("is not for brains")
    block.inputs = None if len(row.takes) == 1 else ("system_in",)
    brain, signal = Brain().attach(block), as_list(row.signal())
    specs = [tf.TensorSpec([None, *s.shape[1:]], s.dtype) for s in signal]
    brain.trace(specs)
    assert not brain.built
    brain.build(specs)
    assert {n: tuple(v.shape) for n, v in brain.named_variables().items()} == {
        f"it/{n}": shape for n, shape in row.variables.items()
    }
    assert [tuple(o.shape) for o in as_list(brain(row.signal()))] == as_list(row.shape(4))


@rows_with(BATCH)
def test_state_moves_only_in_the_last_time_step(row: Row) -> None:
    block = row.built()
    before, trip = state(block), Trip(training=True)
    with trip.at_time(0, last=False):
        block(row.signal(), trip)
    assert all(np.array_equal(v, before[n]) for n, v in state(block).items())


@rows_with(RANDOM)
def test_a_replica_gives_its_rows_of_the_whole(row: Row) -> None:
    block = row.built(name="it")
    if not as_list(row.gives)[0]:
        pytest.skip("gives one number for the whole batch")
    whole = as_list(block(row.signal(6), Trip(training=True, step=4, seed=9)))
    for start, end in ((0, 2), (2, 5), (5, 6)):
        part = [s[start:end] for s in as_list(row.signal(6))]
        trip = Trip(training=True, step=4, seed=9, rows=(start, end - start))
        out = as_list(block(part if len(part) > 1 else part[0], trip))
        assert_same(out, [o[start:end] for o in whole])


@rows_with(RANDOM)
def test_randomness_is_of_seed_and_step(row: Row) -> None:
    block = row.built(name="it")

    def out(**clock: int) -> list[Any]:
        return as_list(block(row.signal(), Trip(training=True, **clock)))

    assert_same(out(step=1, seed=1), out(step=1, seed=1), 0.0)
    for other in ({"step": 2, "seed": 1}, {"step": 1, "seed": 2}):
        assert any(not np.allclose(a, b) for a, b in zip(out(step=1, seed=1), out(**other), strict=True))
