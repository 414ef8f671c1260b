"""Every update rule against numpy and against Keras, 20 steps, in eager code and in a graph."""

from __future__ import annotations

import numpy as np
import pytest

from akid.backend import tf
from akid.kongfus import (
    AdagradKongFu,
    AdamKongFu,
    AdamWKongFu,
    GradientDescentKongFu,
    LAMBKongFu,
    MomentumKongFu,
    RMSPropKongFu,
)

STEPS = 20
SHAPES = {"ip1/weights": (4, 3), "ip1/biases": (3,)}
DECAY = {"name": "exp_decay", "base_lr": 0.05, "decay_rate": 0.9, "decay_steps": 3}


def rate(step):
    return 0.05 * 0.9 ** (step // 3)


def starts(dtype):
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}


def gradients_at(step, dtype):
    rng = np.random.default_rng(100 + step)
    return [rng.normal(size=shape).astype(dtype) for shape in SHAPES.values()]


def learnt(kongfu, dtype="float64", graph=False):
    variables = {name: tf.Variable(value) for name, value in starts(dtype).items()}
    kongfu.setup(variables)
    apply = tf.function(kongfu.apply, autograph=False) if graph else kongfu.apply
    for step in range(STEPS):
        apply([tf.constant(g) for g in gradients_at(step, dtype)], tf.constant(step, tf.int64))
    return [v.numpy() for v in variables.values()]


def by_numpy(rule):
    """``rule(w, g, slots, lr, s)`` gives the new ``w``; ``slots`` is a dict kept from step to step."""
    weights = [w.astype("float64") for w in starts("float64").values()]
    slots = [{} for _ in weights]
    for step in range(STEPS):
        for i, g in enumerate(gradients_at(step, "float64")):
            weights[i] = rule(weights[i], g, slots[i], rate(step), step + 1)
    return weights


def sgd(w, g, s, lr, n):
    return w - lr * g


def momentum(w, g, s, lr, n):
    s["m"] = 0.8 * s.get("m", 0) + g
    return w - lr * s["m"]


def nesterov(w, g, s, lr, n):
    s["m"] = 0.8 * s.get("m", 0) + g
    return w - lr * (g + 0.8 * s["m"])


def adam(w, g, s, lr, n):
    s["m"] = 0.85 * s.get("m", 0) + 0.15 * g
    s["v"] = 0.98 * s.get("v", 0) + 0.02 * g**2
    return w - lr * np.sqrt(1 - 0.98**n) / (1 - 0.85**n) * s["m"] / (np.sqrt(s["v"]) + 1e-3)


def adamw(w, g, s, lr, n):
    return adam(w * (1 - lr * 0.1), g, s, lr, n)


def lamb(w, g, s, lr, n):
    s["m"] = 0.85 * s.get("m", 0) + 0.15 * g
    s["v"] = 0.98 * s.get("v", 0) + 0.02 * g**2
    r = s["m"] / (1 - 0.85**n) / (np.sqrt(s["v"] / (1 - 0.98**n)) + 1e-3) + 0.1 * w
    return w - lr * np.linalg.norm(w) / np.linalg.norm(r) * r


def adagrad(w, g, s, lr, n):
    s["a"] = s.get("a", 0.2) + g**2
    return w - lr * g / (np.sqrt(s["a"]) + 1e-3)


def rmsprop(w, g, s, lr, n):
    s["s"] = 0.8 * s.get("s", 0) + 0.2 * g**2
    s["m"] = 0.7 * s.get("m", 0) + lr * g / np.sqrt(s["s"] + 1e-3)
    return w - s["m"]


def centered(w, g, s, lr, n):
    s["s"] = 0.8 * s.get("s", 0) + 0.2 * g**2
    s["g"] = 0.8 * s.get("g", 0) + 0.2 * g
    return w - lr * g / np.sqrt(s["s"] - s["g"] ** 2 + 1e-3)


BETAS = {"beta1": 0.85, "beta2": 0.98, "epsilon": 1e-3}
RULES = {
    "sgd": (sgd, lambda: GradientDescentKongFu(DECAY)),
    "momentum": (momentum, lambda: MomentumKongFu(DECAY, 0.8)),
    "nesterov": (nesterov, lambda: MomentumKongFu(DECAY, 0.8, use_nesterov=True)),
    "adam": (adam, lambda: AdamKongFu(DECAY, **BETAS)),
    "adamw": (adamw, lambda: AdamWKongFu(DECAY, weight_decay=0.1, **BETAS)),
    "lamb": (lamb, lambda: LAMBKongFu(DECAY, weight_decay=0.1, **BETAS)),
    "adagrad": (adagrad, lambda: AdagradKongFu(DECAY, 0.2, 1e-3)),
    "rmsprop": (rmsprop, lambda: RMSPropKongFu(DECAY, 0.8, 0.7, 1e-3)),
    "rmsprop_centered": (centered, lambda: RMSPropKongFu(DECAY, 0.8, 0.0, 1e-3, centered=True)),
}


# The learning rate is float32 by contract: that is the limit in float64.
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 2e-5)])
@pytest.mark.parametrize("rule", RULES)
def test_agrees_with_numpy_over_20_steps(rule, dtype, tolerance):
    by_hand, make = RULES[rule]
    for got, expected in zip(learnt(make(), dtype), by_numpy(by_hand), strict=True):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rule", RULES)
def test_a_graph_learns_the_same_as_eager_code(rule):
    _, make = RULES[rule]
    for got, expected in zip(learnt(make(), "float32", graph=True), learnt(make(), "float32"), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


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


def test_bias_correction_comes_from_the_step_alone():
    kongfu = AdamKongFu(0.05)
    kongfu.setup({"w": tf.Variable([1.0])})
    assert sorted(kongfu.slots) == ["w/m", "w/v"]


def test_slots_are_named_after_their_variables():
    kongfu = RMSPropKongFu(centered=True)
    kongfu.setup({"ip1/weights": tf.Variable([1.0], name="ip1/weights")})
    assert sorted(kongfu.slots) == [
        "ip1/weights/mean_gradient",
        "ip1/weights/mean_square",
        "ip1/weights/momentum",
    ]
    assert kongfu.slots["ip1/weights/momentum"].name == "ip1/weights/momentum:0"
