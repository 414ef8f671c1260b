"""Every KongFu keeps the same rules: tests over the table in conformance/kongfus.py; and some against Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.kongfus import ABSTRACT, BETAS, ROWS, Row

from akid import kongfus
from akid.backend import tf
from akid.kongfus import (
    AdagradKongFu,
    AdamKongFu,
    AdamWKongFu,
    GradientDescentKongFu,
    KongFu,
    LAMBKongFu,
    MomentumKongFu,
    RMSPropKongFu,
)

STEPS = 20
SHAPES = {"ip1/weights": (4, 3), "ip1/biases": (3,)}
DECAY = {"name": "exp_decay", "base_lr": 0.05, "decay_rate": 0.9, "decay_steps": 3}
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


def rate(step: int) -> float:
    return 0.05 * 0.9 ** (step // 3)


def starts(dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}


def gradients_at(step: int, dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(100 + step)
    return [rng.normal(size=shape).astype(dtype) for shape in SHAPES.values()]


def practise(kongfu: KongFu, steps: range, dtype: str, graph: bool = False) -> None:
    """Apply the gradients of these steps."""
    apply = tf.function(kongfu.apply, autograph=False) if graph else kongfu.apply
    for step in steps:
        apply([tf.constant(g) for g in gradients_at(step, dtype)], tf.constant(step, tf.int64))


def begun(kongfu: KongFu, dtype: str = "float64") -> dict[str, tf.Variable]:
    """Variables that it is to learn."""
    variables = {name: tf.Variable(value) for name, value in starts(dtype).items()}
    kongfu.setup(variables)
    return variables


def learnt(kongfu: KongFu, dtype: str = "float64", graph: bool = False) -> list[np.ndarray]:
    """Variables after all steps."""
    variables = begun(kongfu, dtype)
    practise(kongfu, range(STEPS), dtype, graph)
    return [v.numpy() for v in variables.values()]


def as_is(gradients: list[np.ndarray]) -> list[np.ndarray]:
    return gradients


def by_value(gradients: list[np.ndarray]) -> list[np.ndarray]:
    return [np.clip(g, -0.5, 0.5) for g in gradients]


def by_norm(gradients: list[np.ndarray]) -> list[np.ndarray]:
    return [g * min(1.0, 0.5 / np.linalg.norm(g)) for g in gradients]


def by_global_norm(gradients: list[np.ndarray]) -> list[np.ndarray]:
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return [g * min(1.0, 0.5 / norm) for g in gradients]


def by_numpy(row: Row, steps: int = STEPS, clipped: Any = as_is) -> list[np.ndarray]:
    """The variables that the rule of the table gives."""
    weights = list(starts("float64").values())
    slots: list[dict[str, Any]] = [{} for _ in weights]
    for step in range(steps):
        for i, g in enumerate(clipped(gradients_at(step))):
            weights[i] = row.rule(weights[i], g, slots[i], rate(step), step + 1)
    return weights


def assert_close(got: list[Any], wanted: list[Any], tolerance: float) -> None:
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_every_exported_kongfu_has_a_line() -> None:
    exported = {c for n in kongfus.__all__ if isinstance(c := getattr(kongfus, n), type)}
    missing = exported - ABSTRACT - {row.kind for row in ROWS}
    assert not missing, f"add a line to tests/conformance/kongfus.py for {sorted(c.__name__ for c in missing)}"


# The learning rate is float32 by contract: that is the limit in float64.
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 2e-5)])
@pytest.mark.parametrize("steps", [1, STEPS])
@every_row
def test_agrees_with_numpy_and_uses_the_scheme(row: Row, steps: int, dtype: str, tolerance: float) -> None:
    kongfu = row.make(DECAY)
    variables = begun(kongfu, dtype)
    practise(kongfu, range(steps), dtype)
    assert_close([v.numpy() for v in variables.values()], by_numpy(row, steps), tolerance)
    assert {v.dtype for v in kongfu.slots.values()} <= {tf.as_dtype(dtype)}


@every_row
def test_a_graph_learns_the_same_as_eager_code(row: Row) -> None:
    assert_close(learnt(row.make(DECAY), "float32", graph=True), learnt(row.make(DECAY), "float32"), 1e-6)


@pytest.mark.parametrize(
    ("argument", "clipped"),
    [("clip_value", by_value), ("clip_norm", by_norm), ("clip_global_norm", by_global_norm)],
)
@every_row
def test_learns_from_clipped_gradients(row: Row, argument: str, clipped: Any) -> None:
    assert_close(learnt(row.make(DECAY, **{argument: 0.5})), by_numpy(row, clipped=clipped), 1e-6)


@every_row
def test_its_slots_are_its_whole_state(row: Row, tmp_path: Path) -> None:
    whole, first, second = row.make(DECAY), row.make(DECAY), row.make(DECAY)
    wanted = learnt(whole)
    before = begun(first)
    practise(first, range(7), "float64")
    saved = tf.train.Checkpoint(variables=before, slots=first.slots).write(str(tmp_path / "it"))
    after = begun(second)
    tf.train.Checkpoint(variables=after, slots=second.slots).read(saved).assert_consumed()
    practise(second, range(7, STEPS), "float64")
    for got, expected in zip(after.values(), wanted, strict=True):
        np.testing.assert_array_equal(got.numpy(), expected)


@every_row
def test_slots_are_named_after_their_variables(row: Row) -> None:
    kongfu = row.make(0.1)
    variables = begun(kongfu)
    assert set(kongfu.slots) == {f"{name}/{slot}" for name in SHAPES for slot in row.slots}
    for name, variable in variables.items():
        assert {kongfu.slots[f"{name}/{slot}"].shape for slot in row.slots} <= {variable.shape}
    assert not any(slot.trainable for slot in kongfu.slots.values())


@every_row
def test_a_rate_of_zero_moves_nothing(row: Row) -> None:
    for got, expected in zip(learnt(row.make(0.0)), starts("float64").values(), strict=True):
        np.testing.assert_array_equal(got, expected)


def keras_pairs():
    import keras

    betas = {"beta_1": 0.85, "beta_2": 0.98, "epsilon": 1e-3}
    o = keras.optimizers
    return {
        "sgd": (o.SGD(0.05), GradientDescentKongFu(0.05)),
        "momentum": (o.SGD(0.05, momentum=0.8), MomentumKongFu(0.05, 0.8)),
        "nesterov": (o.SGD(0.05, momentum=0.8, nesterov=True), MomentumKongFu(0.05, 0.8, True)),
        "adam": (o.Adam(0.05, **betas), AdamKongFu(0.05, **BETAS)),
        "adamw": (o.AdamW(0.05, weight_decay=0.1, **betas), AdamWKongFu(0.05, weight_decay=0.1, **BETAS)),
        "rmsprop": (o.RMSprop(0.05, 0.8, 0.7, 1e-3), RMSPropKongFu(0.05, 0.8, 0.7, 1e-3)),
        # Keras puts epsilon under the root.
        "adagrad": (o.Adagrad(0.05, 0.2, 1e-12), AdagradKongFu(0.05, 0.2, 1e-12)),
        # Keras decays outside of the trust ratio, the paper inside; so without decay.
        "lamb": (o.Lamb(0.05, **betas), LAMBKongFu(0.05, weight_decay=0.0, **BETAS)),
    }


@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad", "lamb"])
def test_agrees_with_keras_over_20_steps(rule):
    peer, kongfu = keras_pairs()[rule]
    variables = [tf.Variable(value) for value in starts("float32").values()]
    peer.build(variables)
    for step in range(STEPS):
        peer.apply([tf.constant(g) for g in gradients_at(step, "float32")], variables)
    for got, expected in zip(learnt(kongfu, "float32"), variables, strict=True):
        np.testing.assert_allclose(got, expected.numpy(), rtol=2e-5, atol=2e-6)


def test_lamb_moves_a_variable_that_is_zero():
    weights = tf.Variable([0.0, 0.0])
    kongfu = LAMBKongFu(0.1, epsilon=1e-8)
    kongfu.setup({"w": weights})
    kongfu.apply([tf.constant([1.0, -2.0])], 0)
    np.testing.assert_allclose(weights.numpy(), [-0.1, 0.1], rtol=1e-4)


def test_lamb_leaves_a_variable_without_gradient_or_decay():
    weights = tf.Variable([1.0, 2.0])
    kongfu = LAMBKongFu(0.1, weight_decay=0.0)
    kongfu.setup({"w": weights})
    kongfu.apply([tf.constant([0.0, 0.0])], 0)
    np.testing.assert_array_equal(weights.numpy(), [1.0, 2.0])


@pytest.mark.parametrize("kind", [AdamWKongFu, LAMBKongFu])
def test_weight_decay_leaves_the_excluded_alone(kind):
    variables = {"ip1/weights": tf.Variable([2.0]), "ip1/biases": tf.Variable([2.0])}
    kongfu = kind(0.1, weight_decay=0.5, exclude_from_weight_decay=["biases"])
    kongfu.setup(variables)
    kongfu.apply([tf.constant([0.0]), tf.constant([0.0])], 0)
    assert variables["ip1/weights"].numpy()[0] < 2.0
    assert variables["ip1/biases"].numpy()[0] == 2.0


@pytest.mark.parametrize("step", [0, 1, 9])
def test_bias_correction_comes_from_the_step_alone(step):
    """With fresh slots the first move is lr_s (1 - beta1) / sqrt(1 - beta2), lr_s that of the step given."""
    weights = tf.Variable([1.0], dtype=tf.float64)
    kongfu = AdamKongFu(0.05, beta1=0.8, beta2=0.96, epsilon=1e-30)
    kongfu.setup({"w": weights})
    kongfu.apply([tf.constant([3.0], tf.float64)], step)
    corrected = 0.05 * np.sqrt(1 - 0.96 ** (step + 1)) / (1 - 0.8 ** (step + 1))
    np.testing.assert_allclose(weights.numpy(), [1.0 - corrected * 0.2 / np.sqrt(0.04)], rtol=1e-6)


def test_slots_are_variables_of_the_same_names():
    kongfu = RMSPropKongFu()
    kongfu.setup({"ip1/weights": tf.Variable([1.0], name="ip1/weights")})
    assert kongfu.slots["ip1/weights/momentum"].name == "ip1/weights/momentum:0"
