"""Learning-rate schemes against numpy, at and around their boundaries; arguments; the placeholder."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import AkidError
from akid.kongfus import GradientDescentKongFu, MomentumKongFu
from akid.lr_schemes import Constant, LearningRateScheme, Placeholder

STEPS = [0, 1, 2, 3, 4, 5, 9, 10, 11, 19, 20, 21, 49, 50, 99, 100, 101, 1000, 2**24 + 1]


def half_cosine(s):
    return 0.01 + 0.5 * 0.19 * (1 + math.cos(math.pi * min(s / 50, 1)))


SCHEMES = {
    "constant": ({"name": "constant", "base_lr": 0.3}, lambda s: 0.3),
    "number": (0.3, lambda s: 0.3),
    "exp_decay": (
        {"name": "exp_decay", "base_lr": 0.1, "decay_rate": 0.5, "decay_steps": 10},
        lambda s: 0.1 * 0.5 ** (s // 10),
    ),
    "exp_decay without a name": (
        {"base_lr": 0.1, "decay_rate": 0.5, "decay_steps": 10},
        lambda s: 0.1 * 0.5 ** (s // 10),
    ),
    "exp_decay by epochs": (
        {"name": "exp_decay", "base_lr": 0.1, "decay_rate": 0.5, "decay_epoch_num": 2, "num_batches_per_epoch": 5},
        lambda s: 0.1 * 0.5 ** (s // 10),
    ),
    "exp_decay smooth": (
        {"name": "exp_decay", "base_lr": 0.1, "decay_rate": 0.5, "decay_steps": 10, "staircase": False},
        lambda s: 0.1 * 0.5 ** (s / 10),
    ),
    "step by values": (
        {"name": "step", "boundaries": [10, 50], "values": [0.1, 0.02, 0.003]},
        lambda s: 0.1 if s < 10 else 0.02 if s < 50 else 0.003,
    ),
    "step by boundaries": (
        {"name": "step", "base_lr": 0.1, "decay_rate": 0.2, "boundaries": [10, 50]},
        lambda s: 0.1 * 0.2 ** ((s >= 10) + (s >= 50)),
    ),
    "step by size": (
        {"name": "step", "base_lr": 0.1, "decay_rate": 0.5, "step_size": 20},
        lambda s: 0.1 * 0.5 ** (s // 20),
    ),
    "cosine": ({"name": "cosine", "base_lr": 0.2, "decay_steps": 50, "end_lr": 0.01}, half_cosine),
    "polynomial": (
        {"name": "polynomial", "base_lr": 0.2, "decay_steps": 50, "end_lr": 0.01, "power": 2},
        lambda s: 0.19 * (1 - min(s / 50, 1)) ** 2 + 0.01,
    ),
    "warmup": (
        {
            "name": "warmup",
            "warmup_steps": 10,
            "after": {"name": "cosine", "base_lr": 0.2, "decay_steps": 50, "end_lr": 0.01},
        },
        lambda s: 0.2 * (s + 1) / 10 if s < 10 else half_cosine(s - 10),
    ),
    "placeholder": ({"name": "placeholder", "base_lr": 0.7}, lambda s: 0.7),
}


@pytest.mark.parametrize("case", SCHEMES)
def test_agrees_with_numpy_in_eager_code_and_in_a_graph(case):
    spec, by_hand = SCHEMES[case]
    scheme = LearningRateScheme.of(spec)
    expected = [by_hand(s) for s in STEPS]
    np.testing.assert_allclose([float(scheme(s)) for s in STEPS], expected, rtol=1e-6, atol=1e-30)
    in_graph = tf.function(scheme, autograph=False)
    got = [float(in_graph(tf.constant(s, tf.int64))) for s in STEPS]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-30)


def test_every_scheme_is_tried_and_is_a_constant():
    tried = {spec["name"] for spec, _ in SCHEMES.values() if isinstance(spec, dict) and "name" in spec}
    for name in tried:
        assert getattr(LearningRateScheme, name) == name
    assert {n for n, kind in LearningRateScheme.names.items() if kind.__module__.startswith("akid.")} == tried


def test_the_rate_is_a_float32_scalar():
    for spec, _ in SCHEMES.values():
        rate = LearningRateScheme.of(spec)(tf.constant(3, tf.int64))
        assert (rate.dtype, rate.shape.rank) == (tf.float32, 0)


def test_a_scheme_of_ones_own_can_be_named():
    class Half(LearningRateScheme, name="half_of_test"):
        def rate(self, step):
            return 1.0 / (step + 2.0)

    try:
        assert MomentumKongFu({"name": "half_of_test"}).get_lr(2) == 0.25
        with_warmup = {"name": "warmup", "warmup_steps": 2, "after": {"name": "half_of_test"}}
        assert MomentumKongFu(with_warmup).get_lr(0) == 0.25
    finally:
        del LearningRateScheme.names["half_of_test"]


def test_a_scheme_must_say_its_rate():
    class Unnamed(LearningRateScheme):
        pass

    assert Unnamed not in LearningRateScheme.names.values()
    with pytest.raises(NotImplementedError, match=r"Unnamed must define rate\(self, step\)"):
        Unnamed()(0)


def test_a_placeholder_is_set_while_a_graph_learns():
    weights = tf.Variable([0.0])
    kongfu = GradientDescentKongFu({"name": LearningRateScheme.placeholder})
    kongfu.setup({"w": weights})
    apply = tf.function(kongfu.apply, autograph=False)
    apply([tf.constant([1.0])], tf.constant(0, tf.int64))
    assert weights.numpy()[0] == pytest.approx(-0.01)
    kongfu.set_lr(0.5)
    assert kongfu.get_lr() == 0.5
    apply([tf.constant([1.0])], tf.constant(1, tf.int64))
    assert weights.numpy()[0] == pytest.approx(-0.51)


def test_a_placeholder_can_be_set_before_its_setup():
    kongfu = MomentumKongFu({"name": "placeholder"})
    kongfu.set_lr(0.25)
    kongfu.setup({})
    assert kongfu.get_lr(7) == 0.25


def test_a_placeholders_rate_is_state_also_after_a_warmup():
    spec = {"name": "warmup", "warmup_steps": 10, "after": {"name": "placeholder"}}
    scheme, resumed = LearningRateScheme.of(spec), LearningRateScheme.of(spec)
    scheme.setup()
    scheme.set(0.5)
    state = scheme.state()
    assert state == 0.5
    resumed.restore(state)
    assert float(resumed(4)) == pytest.approx(0.25)
    assert Constant(0.1).state() is None


def test_only_a_placeholder_can_be_set():
    text = "Only the learning rate of {'name': LearningRateScheme.placeholder} can be set."
    with pytest.raises(AkidError, match=re.escape(text) + r" Received: lr_scheme=Constant"):
        MomentumKongFu(0.1).set_lr(0.2)


@pytest.mark.parametrize("value", [-0.1, math.nan, "fast"])
def test_a_placeholder_takes_a_rate(value):
    with pytest.raises(AkidError, match=r"placeholder: learning rate must be a number >= 0\. .*Received"):
        Placeholder().set(value)


WRONG = [
    (
        {"name": "exp_dekay"},
        "Unknown learning-rate scheme. Did you mean 'exp_decay'? Received: {'name': 'exp_dekay'}",
    ),
    (
        {"name": "constant", "base_rl": 1},
        "The learning-rate scheme 'constant' takes ['base_lr']. Unknown: 'base_rl'. Did you mean 'base_lr'?"
        " Received: {'base_rl': 1}",
    ),
    (
        {"name": "cosine", "base_lr": 0.1},
        "The learning-rate scheme 'cosine' takes ['base_lr', 'decay_steps', 'end_lr']. Missing a required"
        " argument: 'decay_steps'. Received: {'base_lr': 0.1}",
    ),
    ([0.1], 'lr_scheme must be a number, a name, {"name": ..., **arguments} or a LearningRateScheme. Received: '),
    (-0.1, "constant: base_lr must be a number >= 0. Received: base_lr=-0.1"),
    (True, "constant: base_lr must be a number >= 0. Received: base_lr=True"),
    (
        {"name": "constant", "base_lr": "1e-3"},
        "constant: base_lr must be a number >= 0. YAML reads 1e-3 as text; write 0.001 or 1.0e-3."
        " Received: base_lr='1e-3'",
    ),
    (
        "exp_decay",
        "exp_decay: give decay_steps, or both decay_epoch_num and num_batches_per_epoch. Received:"
        " decay_steps=None, decay_epoch_num=None, num_batches_per_epoch=None",
    ),
    ({"decay_steps": 3, "decay_epoch_num": 2}, "exp_decay: give decay_steps, or both decay_epoch_num and"),
    ({"decay_epoch_num": 2}, "exp_decay: give decay_steps, or both decay_epoch_num and num_batches_per_epoch."),
    ({"decay_steps": 0}, "exp_decay: decay_steps must be a number > 0. Received: decay_steps=0"),
    ({"decay_steps": 3, "decay_rate": 0}, "exp_decay: decay_rate must be a number > 0. Received: decay_rate=0"),
    (
        {"decay_epoch_num": 2, "num_batches_per_epoch": 1.5},
        "exp_decay: num_batches_per_epoch must be an integer >= 1. Received: num_batches_per_epoch=1.5",
    ),
    (
        {"name": "step", "base_lr": 0.1},
        "step: give boundaries and values, or base_lr, decay_rate and either boundaries or step_size. Received:"
        " base_lr=0.1, decay_rate=None, step_size=None, boundaries=None, values=None",
    ),
    (
        {"name": "step", "base_lr": 1, "boundaries": [1], "values": [1, 2]},
        "step: give boundaries and values, or base_lr, decay_rate and either boundaries or step_size.",
    ),
    (
        {"name": "step", "boundaries": [5, 5], "values": [1, 2, 3]},
        "step: boundaries must be increasing integers >= 1. Received: boundaries=[5, 5]",
    ),
    (
        {"name": "step", "boundaries": [5], "values": [1, 2, 3]},
        "step: values must be a list of one more than the 1 boundaries. Received: values=[1, 2, 3]",
    ),
    (
        {"name": "step", "boundaries": [5], "values": [1, -2]},
        "step: values[1] must be a number >= 0. Received: values[1]=-2",
    ),
    (
        {"name": "step", "base_lr": 1, "decay_rate": 0.5, "step_size": 0},
        "step: step_size must be an integer >= 1. Received: step_size=0",
    ),
    (
        {"name": "cosine", "base_lr": 0.1, "decay_steps": 0},
        "cosine: decay_steps must be an integer >= 1. Received: decay_steps=0",
    ),
    (
        {"name": "polynomial", "base_lr": 0.1, "decay_steps": 9, "power": 0},
        "polynomial: power must be a number > 0. Received: power=0",
    ),
    (
        {"name": "warmup", "warmup_steps": 0, "after": 0.1},
        "warmup: warmup_steps must be an integer >= 1. Received: warmup_steps=0",
    ),
    (
        {"name": "warmup", "warmup_steps": 5, "after": {"name": "cosin"}},
        "Unknown learning-rate scheme. Did you mean 'cosine'? Received: {'name': 'cosin'}",
    ),
]


@pytest.mark.parametrize(("spec", "text"), WRONG, ids=lambda v: None)
def test_a_wrong_scheme_is_told_what_is_right(spec, text):
    with pytest.raises(AkidError, match=re.escape(text)):
        LearningRateScheme.of(spec)
