"""What losses and evals give when labels are missing, and within a brain."""

from __future__ import annotations

import numpy as np
import pytest

from akid import layers
from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.kids import Kid
from akid.kongfus import AdamKongFu
from akid.sensors import Sensor
from akid.sources import ArraySource

DATA = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
LABELS = [{"name": "ip"}, {"name": "system_in", "idxs": [1]}]
BITS = np.ones((4, 6), "float32")


def brain(*blocks):
    made = Brain().attach(
        layers.InnerProductLayer(6, init_para={"name": "uniform", "range": 1.0}, name="ip"), *blocks
    )
    made.build([tf.TensorSpec([None, 3]), tf.TensorSpec([None, 6])])
    return made


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def group_probabilities(x):
    e = np.exp(x.reshape(-1, 2, 3))
    return (e / (np.e + e.sum(-1, keepdims=True))).reshape(-1, 6)


INFERRED = [
    (layers.SoftmaxWithLossLayer(6, inputs=LABELS, name="l"), softmax),
    (layers.GroupSoftmaxWithLossLayer(6, 3, inputs=LABELS, name="l"), group_probabilities),
    (layers.BCELossLayer(inputs=LABELS, name="l"), lambda x: 1 / (1 + np.exp(-x))),
    (layers.MSELossLayer(inputs=LABELS, name="l"), None),
    (layers.HingeLossLayer(inputs=LABELS, name="l"), None),
    (layers.MarginRankingLossLayer(inputs=LABELS, name="l"), None),
    (layers.KLRegularizationLayer(inputs=["ip"], name="l"), None),
    (layers.AccuracyLayer(inputs=LABELS, name="l"), None),
    (layers.AUCLayer(inputs=LABELS, name="l"), None),
]


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize(("layer", "probabilities"), INFERRED, ids=lambda v: type(v).__name__)
def test_a_brain_infers_scores_and_probabilities_with_and_without_labels(layer, probabilities, labelled):
    made = brain(layer.clone())
    outputs = made.predict([DATA, BITS] if labelled else DATA)
    logits = DATA @ made["ip/weights"].numpy() + made["ip/biases"].numpy()
    assert sorted(outputs) == (["ip"] if probabilities is None else ["ip", "l"])
    np.testing.assert_allclose(outputs["ip"].numpy(), logits, rtol=1e-5, atol=1e-6)
    if probabilities is not None:
        np.testing.assert_allclose(outputs["l"].numpy(), probabilities(logits), rtol=1e-5)


def test_losses_and_evals_of_a_brain_are_gathered_by_full_name():
    made = brain(
        layers.BCELossLayer(multiplier=0.5, inputs=LABELS, name="bce"),
        layers.MSELossLayer(inputs=LABELS, name="mse"),
        layers.BinaryAccuracyLayer(inputs=LABELS, name="acc"),
        layers.AUCLayer(inputs=LABELS),
        layers.KLRegularizationLayer(inputs=["ip"], multiplier=0.1),
    )
    trip = Trip()
    made([DATA, BITS], trip)
    assert sorted(trip.losses) == ["bce", "loss1", "mse"]
    assert float(trip.total_loss) == pytest.approx(sum(float(v) for v in trip.losses.values()))
    assert sorted(trip.evals) == ["acc", "auc1", "bce/accuracy"]


@pytest.mark.parametrize("size", [1, 3])
def test_group_softmax_has_the_same_ground_state_as_its_layer(size):
    logits = tf.constant(np.random.default_rng(1).normal(size=(4, 6)).astype("float32"))
    trip = Trip(inferring=True)
    layers.GroupSoftmaxWithLossLayer(6, size, name="l").infer([logits, None], trip)
    expected = layers.GroupSoftmaxLayer(group_size=size)(logits)
    np.testing.assert_allclose(trip.outputs[""].numpy(), expected.numpy(), rtol=1e-6)


def test_a_debugging_trip_accepts_a_layer_that_gives_nothing():
    made = brain(layers.AccuracyLayer(inputs=LABELS, name="acc"))
    trip = Trip(inferring=True, debug=True)
    assert made([tf.constant(DATA)], trip) is None
    assert list(trip.outputs) == ["ip"]


def test_a_kid_validates_over_batches_of_which_the_last_is_smaller(tmp_path):
    rng = np.random.default_rng(2)
    data, bits = rng.normal(size=(30, 3)).astype("float32"), rng.integers(0, 2, (30, 6)).astype("float32")
    source = ArraySource(data, bits, num_train=19, num_val=11, split_seed=None)
    made = Brain().attach(
        layers.InnerProductLayer(6, name="ip"),
        layers.BCELossLayer(inputs=LABELS, name="loss"),
        layers.AUCLayer(inputs=LABELS, name="auc"),
        layers.BinaryAccuracyLayer(inputs=LABELS, name="bits"),
    )
    kid = Kid(Sensor(source, 8, 4), made, AdamKongFu(0.1), max_steps=5, log_dir=tmp_path, do_summary=False)
    kid.setup()
    loss, evals = kid.practice(return_eval=True)
    scores = data[19:] @ made["ip/weights"].numpy() + made["ip/biases"].numpy()
    labels = bits[19:]
    assert evals["bits"] == pytest.approx(np.mean((scores > 0) == (labels > 0)), rel=1e-5)
    assert loss == pytest.approx(np.mean(np.logaddexp(0, scores) - labels * scores), rel=1e-5)
    pairs = [np.mean(s[b > 0][:, None] > s[b == 0][None]) for s, b in zip(scores.T, labels.T, strict=True)]
    assert evals["auc"] == pytest.approx(np.mean(pairs), rel=1e-6)
