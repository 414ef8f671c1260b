"""Every learning-rate scheme keeps the same rules: tests over the table in conformance/lr_schemes.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conformance.lr_schemes import SCHEMES, STEPS

from akid import lr_schemes
from akid.backend import tf
from akid.kongfus import GradientDescentKongFu
from akid.lr_schemes import LearningRateScheme

every_row = pytest.mark.parametrize(("spec", "rule"), SCHEMES.values(), ids=SCHEMES)
Rule = Callable[[int], float]


def test_every_exported_scheme_has_a_line_and_a_name() -> None:
    exported = {getattr(lr_schemes, name) for name in lr_schemes.__all__} - {LearningRateScheme}
    missing = exported - {type(LearningRateScheme.of(spec)) for spec, _ in SCHEMES.values()}
    assert not missing, f"add a line to tests/conformance/lr_schemes.py for {sorted(c.__name__ for c in missing)}"
    names = {name: kind for name, kind in LearningRateScheme.names.items() if kind in exported}
    assert set(names.values()) == exported
    assert all(getattr(LearningRateScheme, name) == name for name in names)


@every_row
def test_agrees_with_plain_python_at_every_step(spec: Any, rule: Rule) -> None:
    scheme = LearningRateScheme.of(spec)
    np.testing.assert_allclose([float(scheme(s)) for s in STEPS], [rule(s) for s in STEPS], rtol=1e-6, atol=1e-30)


@every_row
def test_a_graph_gives_the_same_for_a_step_that_is_a_tensor(spec: Any, rule: Rule) -> None:
    scheme = LearningRateScheme.of(spec)
    scheme.setup()
    in_graph = tf.function(scheme, autograph=False)
    got = [float(in_graph(tf.constant(s, tf.int64))) for s in STEPS]
    np.testing.assert_allclose(got, [rule(s) for s in STEPS], rtol=1e-6, atol=1e-30)
    assert in_graph.experimental_get_tracing_count() == 1


@every_row
def test_the_rate_is_a_float32_scalar(spec: Any, rule: Rule) -> None:
    rate = LearningRateScheme.of(spec)(tf.constant(3, tf.int64))
    assert (rate.dtype, rate.shape.rank) == (tf.float32, 0)


@every_row
def test_a_kongfu_learns_at_the_rate_of_the_step(spec: Any, rule: Rule) -> None:
    weights = tf.Variable([0.0])
    kongfu = GradientDescentKongFu(spec)
    kongfu.setup({"w": weights})
    for step in (0, 9, 10):
        weights.assign([0.0])
        kongfu.apply([tf.constant([-1.0])], step)
        np.testing.assert_allclose(weights.numpy(), [rule(step)], rtol=1e-6)


@every_row
def test_a_state_that_is_restored_gives_the_same_rates(spec: Any, rule: Rule) -> None:
    scheme, resumed = LearningRateScheme.of(spec), LearningRateScheme.of(spec)
    state = scheme.state()
    if state is not None:
        scheme.set(0.125)
        resumed.restore(scheme.state() or 0.0)
    assert [float(resumed(s)) for s in STEPS] == [float(scheme(s)) for s in STEPS]
