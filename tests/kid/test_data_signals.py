"""Which signals inference needs: the same for `Brain.predict` and `Kid.predict`, with losses of one's own too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from akid import Brain, ProcessingLayer
from akid.backend import tf
from akid.inference.data_signals import data_signals
from akid.inference.predictor import Predictor
from akid.layers import (
    AccuracyLayer,
    ConcatLayer,
    EmbeddingLayer,
    InnerProductLayer,
    MSELossLayer,
    ScatterLayer,
    SoftmaxWithLossLayer,
)

DATA = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0, 1])


class OwnLoss(ProcessingLayer):
    """Squared error, by a layer that is no LossLayer."""

    def _forward(self, x: Any, trip: Any) -> Any:
        loss = tf.reduce_mean((x[0] - x[1]) ** 2)
        trip.loss(loss)
        return loss


class OneHot(ProcessingLayer):
    def _forward(self, x: Any, trip: Any) -> Any:
        return tf.one_hot(x, 3)


class Watching(ProcessingLayer):
    """Notes a measure and a loss, and hands its signal on."""

    def _forward(self, x: Any, trip: Any) -> Any:
        trip.eval(tf.reduce_mean(x), 1, "mean")
        trip.loss(tf.reduce_mean(x**2), "activity")
        return x


def signal(index: int) -> dict[str, Any]:
    return {"name": "system_in", "idxs": [index]}


def ip(name: str = "ip", inputs: Any = None, number: int = 3, **options: Any) -> InnerProductLayer:
    return InnerProductLayer(number, name=name, inputs=inputs, **options)


def own() -> Brain:
    decay = {"type": "l2", "scale": 0.1}
    return Brain().attach(
        ip(wd=decay), OneHot("hot", [signal(1)]), OwnLoss("loss", ["ip", "hot"]), OwnLoss("all", ["loss", "loss"])
    )


def nested() -> Brain:
    return Brain().attach(ip("base"), Brain("inner", ["base", signal(1)]).attach(*own().blocks))


def embedded() -> Brain:
    label = EmbeddingLayer(3, 3, name="embedded", inputs=[signal(1)])
    return Brain().attach(ip(), label, MSELossLayer(name="loss", inputs=["ip", "embedded"]))


def conditioned() -> Brain:
    label = EmbeddingLayer(3, 2, name="embedded", inputs=[signal(1)])
    both = ConcatLayer(inputs=["ip", "embedded"], name="both")
    return Brain().attach(ip(), label, both, ip("out"), SoftmaxWithLossLayer(3, inputs=["out", signal(1)]))


def towers() -> Brain:
    return Brain().attach(
        ip("a", [signal(0)]),
        SoftmaxWithLossLayer(3, name="a_loss", inputs=["a", signal(2)]),
        ip("b", [signal(1)]),
        SoftmaxWithLossLayer(3, name="b_loss", inputs=["b", signal(3)]),
        AccuracyLayer(name="right", inputs=["b", signal(3)]),
    )


def watched() -> Brain:
    return Brain().attach(ip(), Watching("watched"), ip("out"), OwnLoss("loss", ["out", signal(1)]))


X, Y = [DATA, "data"], [LABELS, "label"]
CASES = [
    (own, [X, Y], [0], ["ip"]),
    (nested, [X, Y], [0], ["inner/ip"]),
    (embedded, [X, Y], [0], ["ip"]),
    (conditioned, [X, Y], [0, 1], ["loss1", "out"]),
    (towers, [X, X, Y, Y], [0, 1], ["a", "a_loss", "b", "b_loss"]),
    (watched, [X, [np.ones([5, 3], np.float32), "target"]], [0], ["out"]),
]


@pytest.mark.parametrize(("make", "signals", "data", "outputs"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_a_brain_and_its_predictor_need_and_infer_the_same(
    make: Any, signals: Any, data: list[int], outputs: list[str]
) -> None:
    brain, arrays = make(), [array for array, _ in signals]
    signature = [tf.TensorSpec([None, *a.shape[1:]], tf.as_dtype(a.dtype)) for a in arrays]
    brain.build(signature)
    assert data_signals(brain, signature) == data
    needed = [arrays[i] for i in data]
    inferred = brain.predict(needed)
    assert sorted(inferred) == outputs
    found = Predictor(brain, signature)(needed)
    for name, value in inferred.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [own, nested, embedded, watched], ids=lambda make: make.__name__)
def test_labels_change_nothing_in_inference(make: Any) -> None:
    brain = make()
    labels = np.ones([5, 3], np.float32) if make is watched else LABELS
    brain([DATA, labels])
    with_labels, without = brain.predict([DATA, labels]), brain.predict(DATA)
    assert set(without) <= set(with_labels)
    assert set(with_labels) - set(without) <= {"hot", "inner/hot"}


def test_outputs_of_several_tensors_have_names_that_no_block_can_have() -> None:
    brain = Brain().attach(ScatterLayer([1, 3], name="a"), ip("a_0", [signal(0)]), ip("a_1", [signal(0)]))
    assert set(brain.predict(DATA)) == {"a:0", "a:1", "a_0", "a_1"}
