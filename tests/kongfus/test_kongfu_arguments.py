"""What a KongFu says about arguments it cannot use."""

from __future__ import annotations

import re

import pytest

from akid.backend import tf
from akid.errors import AkidError
from akid.kongfus import (
    AdagradKongFu,
    AdamKongFu,
    AdamWKongFu,
    GradientDescentKongFu,
    KongFu,
    LAMBKongFu,
    MomentumKongFu,
    RMSPropKongFu,
    SGDKongFu,
)

WRONG = [
    (
        SGDKongFu,
        {"clip_value": 0},
        "GradientDescentKongFu: clip_value must be a number > 0. Received: clip_value=0",
    ),
    (
        SGDKongFu,
        {"clip_norm": -1},
        "GradientDescentKongFu: clip_norm must be a number > 0. Received: clip_norm=-1",
    ),
    (
        SGDKongFu,
        {"clip_global_norm": True},
        "clip_global_norm must be a number > 0. Received: clip_global_norm=True",
    ),
    (
        MomentumKongFu,
        {"momentum": 1},
        "MomentumKongFu: momentum must be a number in [0, 1). Received: momentum=1",
    ),
    (AdamKongFu, {"beta1": 1.0}, "AdamKongFu: beta1 must be a number in [0, 1). Received: beta1=1.0"),
    (AdamKongFu, {"beta2": -0.1}, "AdamKongFu: beta2 must be a number in [0, 1). Received: beta2=-0.1"),
    (AdamKongFu, {"epsilon": 0}, "AdamKongFu: epsilon must be a number > 0. Received: epsilon=0"),
    (
        AdamWKongFu,
        {"weight_decay": -1},
        "AdamWKongFu: weight_decay must be a number >= 0. Received: weight_decay=-1",
    ),
    (
        LAMBKongFu,
        {"exclude_from_weight_decay": "biases"},
        "LAMBKongFu: exclude_from_weight_decay must be a list of strings. Received: "
        "exclude_from_weight_decay='biases'",
    ),
    (RMSPropKongFu, {"rho": 1}, "RMSPropKongFu: rho must be a number in [0, 1). Received: rho=1"),
    (RMSPropKongFu, {"epsilon": 0}, "RMSPropKongFu: epsilon must be a number > 0. Received: epsilon=0"),
    (
        AdagradKongFu,
        {"initial_accumulator_value": -1},
        "AdagradKongFu: initial_accumulator_value must be a number >= 0. Received: initial_accumulator_value=-1",
    ),
    (
        AdagradKongFu,
        {"initial_accumulator_value": 0, "epsilon": 0},
        "AdagradKongFu: epsilon must be a number > 0. Received: epsilon=0",
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "text"), WRONG, ids=lambda v: None)
def test_a_wrong_argument_is_named(kind, arguments, text):
    with pytest.raises(AkidError, match=re.escape(text)):
        kind(**arguments)


def test_sgd_is_another_name():
    assert SGDKongFu is GradientDescentKongFu


def test_apply_before_setup_is_an_error():
    text = "takes one gradient for every of the 0 variables given to setup(). Call setup(brain.parameters) first."
    with pytest.raises(AkidError, match=re.escape(text)):
        SGDKongFu(0.1).apply([tf.constant([1.0])], 0)


def test_apply_takes_a_gradient_for_every_variable():
    kongfu = SGDKongFu(0.1, name="plain")
    kongfu.setup({"a": tf.Variable([1.0]), "b": tf.Variable([1.0])})
    text = "plain: apply() takes one gradient for every of the 2 variables given to setup(). Received: 1 gradients"
    with pytest.raises(AkidError, match=re.escape(text)):
        kongfu.apply([tf.constant([1.0])], 0)


def test_an_exclusion_that_excludes_nothing_is_an_error():
    kongfu = AdamWKongFu(exclude_from_weight_decay=["bias_"])
    text = (
        "AdamWKongFu: exclude_from_weight_decay: no parameter's full name contains 'bias_'. Did you mean 'biases'?"
        " Received: exclude_from_weight_decay=['bias_']"
    )
    with pytest.raises(AkidError, match=re.escape(text)):
        kongfu.setup({"ip1/weights": tf.Variable([1.0]), "ip1/biases": tf.Variable([1.0])})


def test_a_kongfu_must_define_its_update():
    class Lazy(KongFu):
        pass

    kongfu = Lazy(0.1)
    kongfu.setup({"a": tf.Variable([1.0])})
    with pytest.raises(NotImplementedError, match=r"Lazy must define _update\(\)"):
        kongfu.apply([tf.constant([1.0])], 0)
