"""Brains: access by name, gathering, inference without labels, nesting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.blocks.brain import Brain, value_of
from akid.blocks.system import System
from akid.blocks.trip import Eval, Trip
from akid.errors import BlockError
from akid.layers import (
    InnerProductLayer,
    MergeLayer,
    ReLULayer,
    ReshapeLayer,
    ScatterLayer,
    SoftmaxWithLossLayer,
)
from akid.models.brains import OneLayerBrain

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2])
DECAY = {"type": "l2", "scale": 0.1}


def softmax(x: Any) -> np.ndarray:
    e = np.exp(np.asarray(x))
    return e / e.sum(-1, keepdims=True)


def loss(source: str, label: int = 1, name: str = "loss", **options: Any) -> SoftmaxWithLossLayer:
    inputs = [{"name": source, "idxs": [0]}, {"name": "system_in", "idxs": [label]}]
    return SoftmaxWithLossLayer(3, inputs=inputs, name=name, **options)


def ip(name: str, number: int = 3, **options: Any) -> InnerProductLayer:
    return InnerProductLayer(number, name=name, **options)


def nested() -> Brain:
    """conv -> inner(ip, loss by the label) and, from conv, a head with another loss."""
    inner = Brain("inner", inputs=["base", {"name": "system_in", "idxs": [1]}])
    inner.attach(ip("ip", wd=DECAY), loss("ip", name="l1"))
    head = ip("head", inputs=["base"], wd=DECAY)
    return Brain().attach(ip("base", 5), inner, head, loss("head", 2, name="l2", multiplier=0.5))


def test_names_losses_and_variables_are_collected_through_all_brains() -> None:
    brain, trip = nested(), Trip(training=True, keep=True)
    brain([X, LABELS, LABELS], trip)
    assert [n for n, _ in brain.named_blocks()] == ["base", "inner", "inner/ip", "inner/l1", "head", "l2"]
    parts = ["base", "inner/ip", "head"]
    assert list(brain.named_variables()) == [f"{p}/{v}" for p in parts for v in ("weights", "biases")]
    assert list(trip.losses) == ["inner/ip/wd", "inner/l1", "head/wd", "l2"]
    assert list(trip.evals) == ["inner/l1/accuracy", "l2/accuracy"]
    assert set(trip.data) == {"base", "inner/ip", "inner/l1", "inner", "head", "l2"}
    np.testing.assert_allclose(trip.total_loss, sum(float(v) for v in trip.losses.values()), rtol=1e-6)


def test_the_multiplier_weighs_a_loss() -> None:
    trip = Trip()
    Brain().attach(ip("ip"), loss("ip", name="a"), loss("ip", name="b", multiplier=0.25))([X, LABELS], trip)
    np.testing.assert_allclose(trip.losses["b"], 0.25 * trip.losses["a"], rtol=1e-6)


def test_access_by_name() -> None:
    brain = nested()
    brain([X, LABELS, LABELS])
    assert brain["inner/ip/weights"].shape == [5, 3]
    assert brain["inner/ip"] is brain.block("inner").block("ip")  # type: ignore[attr-defined]
    assert brain.block("inner/ip") is brain["inner/ip"]
    with pytest.raises(KeyError, match=r"has no variable or block 'inner/ip/weight'. Did you mean 'inner/ip/wei"):
        brain["inner/ip/weight"]
    with pytest.raises(KeyError, match=r"'brain' has no block 'inner/pi'. Did you mean 'inner/ip'\?"):
        brain.block("inner/pi")
    with pytest.raises(KeyError, match=r"has no block 'head/x'. Did you mean 'head'\?"):
        brain.block("head/x")


def test_blocks_are_attached_to_what_they_are_attached_to() -> None:
    assert isinstance(Brain(), System)
    assert isinstance(Brain(), ProcessingLayer)
    assert bool(Brain())
    assert repr(nested()) == "Brain(name='brain', blocks=4, time_steps=1)"


def test_the_papers_brain_is_set_up_with_a_batch() -> None:
    brain = OneLayerBrain(name="brain")
    images = RNG.normal(size=(6, 10, 10, 1)).astype(np.float32)
    out = brain.setup([images, LABELS])
    np.testing.assert_allclose(brain.loss, out)
    chances = brain.predict(images)["loss"].numpy()
    np.testing.assert_allclose(brain.loss, -np.log(chances[np.arange(6), LABELS]).mean(), rtol=1e-4)
    right = float((chances.argmax(-1) == LABELS).mean())
    assert brain.eval == {"loss/accuracy": pytest.approx(right)}
    assert brain.data["relu1"].shape == [6, 10, 10, 32]


@pytest.mark.parametrize("what", ["loss", "eval", "data"])
def test_before_set_up_there_is_no_loss(what: str) -> None:
    message = rf"'it'.{what} is of the batch given to setup\(\); call brain.setup\(\[data, labels\]\) first."
    with pytest.raises(BlockError, match=message):
        getattr(Brain("it"), what)


def test_a_brain_without_a_loss_has_a_loss_of_zero_and_predicts_its_last_output() -> None:
    brain = Brain().attach(ip("ip"), ReLULayer(name="relu"))
    out = brain.setup(X)
    assert float(brain.loss) == 0.0
    assert brain.eval == {}
    predicted = brain.predict(X)
    assert list(predicted) == ["relu"]
    np.testing.assert_allclose(predicted["relu"], out)


def test_inference_needs_no_labels() -> None:
    brain = Brain().attach(ip("ip"), loss("ip"))
    outputs = brain.predict(X)
    assert list(outputs) == ["loss", "ip"]
    np.testing.assert_allclose(outputs["loss"], softmax(outputs["ip"]), rtol=1e-5)
    brain([X, LABELS])
    np.testing.assert_allclose(brain.predict([X])["ip"], outputs["ip"])


def test_inference_through_nested_brains_and_several_losses() -> None:
    brain = nested()
    outputs = brain.predict(X)
    assert set(outputs) == {"inner/l1", "inner/ip", "l2", "head"}
    np.testing.assert_allclose(outputs["inner/l1"], softmax(outputs["inner/ip"]), rtol=1e-5)
    np.testing.assert_allclose(outputs["l2"], softmax(outputs["head"]), rtol=1e-5)


def test_inference_leaves_out_what_depends_on_labels() -> None:
    label = {"name": "system_in", "idxs": [1]}
    brain = Brain().attach(
        ip("ip"),
        ReshapeLayer(inputs=[label], name="labels"),
        ScatterLayer([1, 1], name="two"),
        SoftmaxWithLossLayer(3, inputs=["ip", {"name": "two", "idxs": [1]}], name="loss"),
    )
    brain([X, np.stack([LABELS, LABELS], 1)])
    assert set(brain.predict(X)) == {"ip", "loss"}


def test_an_output_of_several_tensors_is_numbered() -> None:
    assert list(Brain().attach(ScatterLayer([1, 2], name="s")).predict(X)) == ["s:0", "s:1"]


def test_a_nested_brain_without_a_loss_is_consumed_like_any_block() -> None:
    brain = Brain().attach(ip("a"), Brain("inner").attach(ip("b")), ip("c"), loss("c"))
    assert set(brain.predict(X)) == {"c", "loss"}


def test_feedback_counts_losses_once_at_the_last_step() -> None:
    brain = Brain(time_steps=3).attach(
        MergeLayer(inputs=[{"name": "system_in", "idxs": [0]}, "ip"], name="sum"),
        ip("ip", 4, wd=DECAY),
        SoftmaxWithLossLayer(4, inputs=["ip", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    trip = Trip(training=True, keep=True)
    brain([X, LABELS], trip)
    assert list(trip.losses) == ["ip/wd", "loss"]
    w, state = brain["ip/weights"].numpy(), np.zeros_like(X)  # type: ignore[union-attr]
    for _ in range(3):
        state = (X + state) @ w
    np.testing.assert_allclose(trip.data["ip"], state, rtol=1e-4, atol=1e-4)
    assert set(brain.predict(X)) == {"ip", "loss"}


def test_a_clone_learns_apart_and_a_copy_along() -> None:
    brain = nested()
    brain([X, LABELS, LABELS])
    clone, copied = brain.clone(), brain.copy()
    brain["inner/ip/biases"].assign_add(tf.ones(3))  # type: ignore[union-attr]
    np.testing.assert_allclose(clone["inner/ip/biases"], np.zeros(3))  # type: ignore[arg-type]
    np.testing.assert_allclose(copied["inner/ip/biases"], np.ones(3))  # type: ignore[arg-type]
    assert clone.block("inner/ip") is not brain.block("inner/ip")


def test_constraints_reach_nested_brains() -> None:
    brain = Brain().attach(Brain("inner").attach(ip("ip", max_norm=0.1)))
    brain(X)
    brain["inner/ip/weights"].assign(tf.ones([4, 3]))  # type: ignore[union-attr]
    brain.constrain()
    np.testing.assert_allclose(brain["inner/ip/weights"], np.full((4, 3), 0.05), rtol=1e-5)  # type: ignore[arg-type]


def test_summary_is_a_table() -> None:
    brain = nested()
    assert "inner/ip  InnerProductLayer     ?       0" in brain.summary()
    brain([X, LABELS, LABELS])
    lines = brain.summary().splitlines()
    assert lines[0].split() == ["block", "type", "output", "parameters"]
    assert [line.split() for line in lines[2:4]] == [
        ["base", "InnerProductLayer", "[6,", "5]", "25"],
        ["inner", "Brain", "[]", "18"],
    ]
    assert lines[-1] == "61 parameters"


def test_measures_are_means_by_examples() -> None:
    batches = [Eval(tf.constant(0.5), tf.constant(4.0)), Eval(tf.constant(1.0), tf.constant(1.0))]
    assert value_of(batches) == pytest.approx(0.6)
    assert value_of([Eval(tf.constant(1.0), tf.constant(0.0))]) == 0.0


def test_measures_of_all_examples_are_finished_at_once() -> None:
    trip = Trip()
    for part in ([1.0, 2.0], [6.0]):
        trip.gather([tf.constant(part)], lambda x: float(np.median(x)), name=str(len(part)))
    assert value_of(list(trip.evals.values())) == 2.0
