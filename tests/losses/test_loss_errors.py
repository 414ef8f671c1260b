"""What losses and evals say when what they are given does not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest

from akid import layers
from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.errors import BlockError, WiringError

WIRE = 'name them by inputs=[{"name": <block>, "idxs": [0]}, {"name": "system_in", "idxs": [1]}]. Received: '


def zeros(*shape, dtype="float32"):
    return tf.zeros(shape, dtype)


def ints(*shape):
    return tf.zeros(shape, "int32")


ARGUMENTS = [
    (
        layers.SoftmaxWithLossLayer,
        {"class_num": 1},
        "loss: class_num must be an integer >= 2. Received: class_num=1",
    ),
    (
        layers.SoftmaxWithLossLayer,
        {"class_num": "10"},
        "loss: class_num must be an integer >= 2. Received: class_num='10'",
    ),
    (layers.MSELossLayer, {"multiplier": "big"}, "loss: multiplier must be a number. Received: multiplier='big'"),
    (layers.MSELossLayer, {"multiplier": np.inf}, "loss: multiplier must be a number. Received: multiplier=inf"),
    (
        layers.GroupSoftmaxWithLossLayer,
        {"class_num": 10, "group_size": 4},
        "loss: class_num must be a multiple of group_size. Received: class_num=10, group_size=4",
    ),
    (
        layers.GroupSoftmaxWithLossLayer,
        {"class_num": 10, "group_size": 0},
        "loss: group_size must be an integer >= 1. Received: group_size=0",
    ),
    (layers.BCELossLayer, {"pos_weight": -1}, "loss: pos_weight must be a number >= 0. Received: pos_weight=-1"),
    (
        layers.BCELossLayer,
        {"pos_weight": [1, -1]},
        "loss: pos_weight[1] must be a number >= 0. Received: pos_weight[1]=-1",
    ),
    (layers.HingeLossLayer, {"class_num": 1}, "loss: class_num must be an integer >= 2. Received: class_num=1"),
    (layers.HingeLossLayer, {"margin": -1}, "loss: margin must be a number >= 0. Received: margin=-1"),
    (layers.MarginRankingLossLayer, {"margin": None}, "loss: margin must be a number >= 0. Received: margin=None"),
    (layers.KLRegularizationLayer, {"std": 0}, "loss: std must be a number > 0. Received: std=0"),
    (layers.KLRegularizationLayer, {"mean": None}, "loss: mean must be a number. Received: mean=None"),
    (layers.TopKAccuracyLayer, {"k": 0}, "top_k_accuracy: k must be an integer >= 1. Received: k=0"),
    (layers.BinaryAccuracyLayer, {"threshold": ""}, "threshold must be a number. Received: threshold=''"),
]


@pytest.mark.parametrize(("kind", "arguments", "text"), ARGUMENTS, ids=lambda v: None)
def test_a_wrong_argument_is_named(kind, arguments, text):
    with pytest.raises(BlockError, match=re.escape(text)):
        kind(**arguments)


SIGNALS = [
    (
        layers.SoftmaxWithLossLayer(3),
        zeros(2, 3),
        f"loss: a SoftmaxWithLossLayer takes [logits, labels]; {WIRE}one tensor",
    ),
    (
        layers.MSELossLayer(),
        [zeros(2, 3)] * 3,
        f"loss: a MSELossLayer takes [predictions, labels]; {WIRE}3 tensors",
    ),
    (
        layers.BCELossLayer(),
        zeros(2, 3),
        f"loss: a BCELossLayer takes [logits, labels, pos_weight (optional)]; {WIRE}one tensor",
    ),
    (
        layers.AccuracyLayer(),
        zeros(2, 3),
        f"accuracy: a AccuracyLayer takes [predictions, labels]; {WIRE}one tensor",
    ),
    (
        layers.SoftmaxWithLossLayer(4),
        [zeros(2, 3), ints(2)],
        "loss: the logits must have the shape [batch, class_num=4]. Received: shape=(2, 3)",
    ),
    (
        layers.HingeLossLayer(3),
        [zeros(2, 3, 3), ints(2)],
        "loss: the logits must have the shape [batch, class_num=3]. Received: shape=(2, 3, 3)",
    ),
    (
        layers.AccuracyLayer(),
        [zeros(2), ints(2)],
        "accuracy: the logits must have the shape [batch, class_num]. Received: shape=(2,)",
    ),
    (
        layers.AccuracyLayer(),
        [zeros(2, 1), ints(2)],
        "accuracy: classes are at least two; for one score an example there are BCELossLayer, HingeLossLayer and"
        " BinaryAccuracyLayer. Received: shape=(2, 1)",
    ),
    (
        layers.SoftmaxWithLossLayer(3),
        [zeros(2, 3), zeros(2, 4)],
        "loss: the labels must be class numbers [batch], or probabilities [batch, class_num=3]."
        " Received: shape=(2, 4)",
    ),
    (
        layers.SoftmaxWithLossLayer(3),
        [zeros(2, 3), zeros(2)],
        "loss: class numbers must be integers, 0 to 2. Received: labels of dtype=float32",
    ),
    (
        layers.GroupSoftmaxWithLossLayer(4, 2),
        [zeros(2, 4), ints(2), zeros(2, 6)],
        "loss: the label_vectors must have the shape [batch, class_num=4]. Received: shape=(2, 6)",
    ),
    (
        layers.MSELossLayer(),
        [zeros(2, 3), zeros(2)],
        "loss: the labels must have the shape of the predictions, (2, 3). Received: shape=(2,)",
    ),
    (
        layers.HingeLossLayer(),
        [zeros(2, 3), zeros(2, 1)],
        "loss: the labels must have the shape of the predictions, (2, 3). Received: shape=(2, 1)",
    ),
    (
        layers.MarginRankingLossLayer(),
        [zeros(2), zeros(3)],
        "loss: the lower scores must have the shape of the predictions, (2,). Received: shape=(3,)",
    ),
    (
        layers.MarginRankingLossLayer(),
        [zeros(2), zeros(2), zeros(3)],
        "loss: the order must have the shape of the predictions, (2,). Received: shape=(3,)",
    ),
    (
        layers.KLRegularizationLayer(),
        [zeros(2, 3), zeros(2, 4)],
        "loss: the log_variance must have the shape of the predictions, (2, 3). Received: shape=(2, 4)",
    ),
    (
        layers.BCELossLayer([1, 2]),
        [zeros(2, 3), zeros(2, 3)],
        "loss: pos_weight must have a number for every class of the logits, (2, 3). Received: 2 numbers",
    ),
    (
        layers.BCELossLayer(2.0),
        [zeros(2, 3), zeros(2, 3), zeros(3)],
        "loss: pos_weight is given twice, as an argument and as the third input.",
    ),
    (
        layers.TopKAccuracyLayer(3),
        [zeros(2, 3), ints(2)],
        "top_k_accuracy: k must be less than the 3 classes, else every example is a hit. Received: k=3",
    ),
    (
        layers.AUCLayer(),
        [zeros(2, 3, 4), zeros(2, 3, 4)],
        "auc: the predictions must have the shape [batch] or [batch, class_num]. Received: shape=(2, 3, 4)",
    ),
    (
        layers.BinaryAccuracyLayer(),
        [zeros(2, 3), zeros(2, 4)],
        "binary_accuracy: the labels must have the shape of the predictions, (2, 3). Received: shape=(2, 4)",
    ),
]


@pytest.mark.parametrize(("layer", "signal", "text"), SIGNALS, ids=lambda v: None)
def test_a_wrong_signal_is_told_what_is_right(layer, signal, text):
    with pytest.raises(BlockError, match=re.escape(text)):
        layer(signal)


def test_missing_labels_are_named():
    brain = Brain()
    brain.attach(
        layers.InnerProductLayer(3, name="ip"),
        layers.SoftmaxWithLossLayer(3, inputs=["ip", {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    text = "Block 'loss': index out of range in {'name': 'system_in', 'idxs': [1]}: 'system_in' has 1 output(s)"
    with pytest.raises(WiringError, match=re.escape(text)):
        brain([zeros(2, 4)])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (layers.LossLayer, r"Lazy must define _loss\(self, x, trip\)"),
        (layers.EvalLayer, r"Lazy must define _measure\(self, predictions, labels, trip\)"),
    ],
)
def test_a_layer_of_ones_own_must_say_what_it_does(kind, text):
    lazy = type("Lazy", (kind,), {})
    with pytest.raises(NotImplementedError, match=text):
        lazy()([zeros(2), zeros(2)], Trip())


def test_a_label_out_of_range_is_told_with_its_block_in_eager_code() -> None:
    loss = layers.SoftmaxWithLossLayer(class_num=3)
    message = "loss: a label must be the number of one of the loss's 3 classes, 0 to 2. Received: 5"
    with pytest.raises(BlockError, match=f"^{re.escape(message)}$"):
        loss([zeros(2, 3), tf.constant([0, 5])])
