"""Arguments of learning-rate schemes, schemes of one's own, the placeholder."""

from __future__ import annotations

import math
import re

import pytest

from akid.backend import tf
from akid.errors import AkidError
from akid.kongfus import GradientDescentKongFu, MomentumKongFu
from akid.lr_schemes import Constant, LearningRateScheme, Placeholder


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
        "The learning-rate scheme 'cosine' takes ['base_lr', 'decay_steps', 'end_lr']. Missing:"
        " 'decay_steps'. Received: {'base_lr': 0.1}",
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
