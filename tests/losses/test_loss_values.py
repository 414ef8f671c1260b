"""Losses against numpy, their gradients against finite differences, what they note."""

from __future__ import annotations

import numpy as np
import pytest

from akid import layers
from akid.backend import tf
from akid.blocks.trip import Trip

RNG = np.random.default_rng(3)
LOGITS = RNG.normal(size=(5, 6))
OTHER = RNG.normal(size=(5, 6))
CLASSES = np.array([0, 5, 2, 2, 1])
SOFT = RNG.dirichlet(np.ones(6), size=5)
BITS = (RNG.random((5, 6)) > 0.6).astype("float64")
WEIGHTS = np.array([1.0, 2.0, 3.0, 0.5, 0.0, 4.0])


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def softmax_sparse():
    return -log_softmax(LOGITS)[np.arange(5), CLASSES].mean()


def softmax_dense():
    return -(SOFT * log_softmax(LOGITS)).sum(-1).mean()


def group_softmax(vectors=None):
    total = 0.0
    for i, row in enumerate(LOGITS):
        for group in range(2):
            x = log_softmax(np.concatenate([[1.0], row[3 * group : 3 * group + 3]]))
            if vectors is not None:
                mine = vectors[i, 3 * group : 3 * group + 3]
                total -= x @ np.concatenate([[1 - mine.sum()], mine])
            else:
                total -= x[1 + CLASSES[i] % 3] if CLASSES[i] // 3 == group else x[0]
    return total / 5


def bce(weight=1.0, labels=BITS):
    p = 1 / (1 + np.exp(-LOGITS))
    return -(weight * labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean()


def hinge(margin=1.0):
    signs = 2 * BITS - 1
    return np.maximum(0, margin - signs * LOGITS).mean()


def hinge_classes():
    total = 0.0
    for row, label in zip(LOGITS, CLASSES, strict=True):
        wrong = max(s for j, s in enumerate(row) if j != label)
        total += max(0, 0.7 - row[label] + wrong)
    return total / 5


def ranking(sign=1.0, hard=False):
    losses = np.maximum(0, 0.3 - sign * (LOGITS - OTHER))
    return losses.sum() / max((losses > 0).sum(), 1) if hard else losses.mean()


def divergence(mean, variance):
    """To N(0.5, 2^2), element by element."""
    return np.log(2 / np.sqrt(variance)) + (variance + (mean - 0.5) ** 2) / (2 * 4) - 0.5


def one_per_group():
    vectors = np.zeros((5, 6))
    vectors[:, 1], vectors[2:, 5] = 1, 1
    return vectors


CASES = {
    "softmax": (layers.SoftmaxWithLossLayer, {"class_num": 6}, [CLASSES], softmax_sparse),
    "softmax column": (layers.SoftmaxWithLossLayer, {"class_num": 6}, [CLASSES[:, None]], softmax_sparse),
    "softmax bytes": (layers.SoftmaxWithLossLayer, {"class_num": 6}, [CLASSES.astype("uint8")], softmax_sparse),
    "softmax dense": (layers.SoftmaxWithLossLayer, {"class_num": 6}, [SOFT], softmax_dense),
    "groups": (layers.GroupSoftmaxWithLossLayer, {"class_num": 6, "group_size": 3}, [CLASSES], group_softmax),
    "groups vectors": (
        layers.GroupSoftmaxWithLossLayer,
        {"class_num": 6, "group_size": 3},
        [CLASSES, one_per_group()],
        lambda: group_softmax(one_per_group()),
    ),
    "groups of one": (
        layers.GroupSoftmaxWithLossLayer,
        {"class_num": 6, "group_size": 1},
        [CLASSES],
        lambda: 6 * bce(labels=np.eye(6)[CLASSES]),
    ),
    "mse": (layers.MSELossLayer, {}, [OTHER], lambda: ((LOGITS - OTHER) ** 2).mean()),
    "mse sum": (layers.MSELossLayer, {"size_average": False}, [OTHER], lambda: ((LOGITS - OTHER) ** 2).sum() / 5),
    "bce": (layers.BCELossLayer, {}, [BITS], bce),
    "bce integers": (layers.BCELossLayer, {}, [BITS.astype("int32")], bce),
    "bce soft": (layers.BCELossLayer, {}, [SOFT], lambda: bce(labels=SOFT)),
    "bce weight": (layers.BCELossLayer, {"pos_weight": 3}, [BITS], lambda: bce(3)),
    "bce weights": (layers.BCELossLayer, {"pos_weight": WEIGHTS.tolist()}, [BITS], lambda: bce(WEIGHTS)),
    "bce weights in": (layers.BCELossLayer, {}, [BITS, WEIGHTS], lambda: bce(WEIGHTS)),
    "hinge": (layers.HingeLossLayer, {}, [BITS], hinge),
    "hinge signs": (layers.HingeLossLayer, {"margin": 0.4}, [2 * BITS - 1], lambda: hinge(0.4)),
    "hinge classes": (layers.HingeLossLayer, {"class_num": 6, "margin": 0.7}, [CLASSES], hinge_classes),
    "hinge one-hot": (layers.HingeLossLayer, {"class_num": 6, "margin": 0.7}, [np.eye(6)[CLASSES]], hinge_classes),
    "ranking": (layers.MarginRankingLossLayer, {"margin": 0.3}, [OTHER], ranking),
    "ranking order": (
        layers.MarginRankingLossLayer,
        {"margin": 0.3},
        [OTHER, 2 * BITS - 1],
        lambda: ranking(2 * BITS - 1),
    ),
    "ranking hard": (
        layers.MarginRankingLossLayer,
        {"margin": 0.3, "hard_sample_mining": True},
        [OTHER],
        lambda: ranking(hard=True),
    ),
    "kl": (
        layers.KLRegularizationLayer,
        {"mean": 0.5, "std": 2},
        [OTHER],
        lambda: divergence(LOGITS, np.exp(OTHER)).sum() / 5,
    ),
    "kl of a batch": (
        layers.KLRegularizationLayer,
        {"mean": 0.5, "std": 2},
        [],
        lambda: divergence(LOGITS.mean(0), LOGITS.var(0) + 1e-6).sum(),
    ),
}


def signal(*arrays):
    tensors = [tf.constant(a) for a in arrays]
    return tensors if len(tensors) > 1 else tensors[0]


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_numpy_times_its_multiplier(case):
    kind, arguments, others, by_hand = CASES[case]
    layer, trip = kind(**arguments, multiplier=0.25, dtype="float64", name="l"), Trip()
    loss = layer(signal(LOGITS, *others), trip)
    assert loss.dtype == tf.float64
    assert float(loss) == pytest.approx(0.25 * by_hand(), rel=1e-12)
    assert float(trip.losses["l"]) == float(loss)


@pytest.mark.parametrize("case", CASES)
def test_gradient_agrees_with_finite_differences(case):
    kind, arguments, others, _ = CASES[case]
    layer = kind(**arguments, dtype="float64")
    theory, measured = tf.test.compute_gradient(lambda x: layer(signal(x, *others)), [tf.constant(LOGITS)], 1e-6)
    np.testing.assert_allclose(theory[0], measured[0], rtol=1e-6, atol=1e-8)
    assert np.abs(theory[0]).max() > 1e-3


@pytest.mark.parametrize("case", CASES)
def test_a_graph_of_any_batch_gives_the_same(case):
    kind, arguments, others, by_hand = CASES[case]
    layer = kind(**arguments)
    arrays = [LOGITS.astype("float32"), *(a.astype("float32") if a.dtype == "float64" else a for a in others)]
    # The weights of classes have no batch.
    specs = [tf.TensorSpec([None, *a.shape[1:]] if a.shape[0] == 5 else a.shape, a.dtype) for a in arrays]
    run = tf.function(lambda *x: layer(list(x) if len(x) > 1 else x[0]), input_signature=specs, autograph=False)
    assert float(run(*arrays)) == pytest.approx(by_hand(), rel=1e-5)


def test_every_loss_is_tried():
    tried = {case[0] for case in CASES.values()}
    kinds = {k for k in vars(layers).values() if isinstance(k, type) and issubclass(k, layers.LossLayer)}
    assert tried == kinds - {layers.LossLayer}


def evals(layer, *arrays):
    trip = Trip()
    layer(signal(*arrays), trip)
    return {name: (float(e.value), float(e.weight)) for name, e in trip.evals.items()}


def test_losses_of_classes_note_their_accuracy():
    expected = (np.mean(LOGITS.argmax(1) == CLASSES), 5)
    for kind in (layers.SoftmaxWithLossLayer, layers.HingeLossLayer):
        assert evals(kind(class_num=6, name="l"), LOGITS, CLASSES) == {"l/accuracy": pytest.approx(expected)}
    expected = (np.mean(LOGITS.argmax(1) == SOFT.argmax(1)), 5)
    assert evals(layers.SoftmaxWithLossLayer(6, name="l"), LOGITS, SOFT) == {"l/accuracy": pytest.approx(expected)}


def test_binary_losses_note_their_accuracy():
    expected = (np.mean((LOGITS > 0) == (BITS > 0)), 5)
    assert evals(layers.BCELossLayer(name="l"), LOGITS, BITS) == {"l/accuracy": pytest.approx(expected)}
    assert evals(layers.HingeLossLayer(name="l"), LOGITS, 2 * BITS - 1) == {"l/accuracy": pytest.approx(expected)}


def test_the_ranking_loss_notes_the_pairs_in_order():
    expected = (np.mean(LOGITS > OTHER), 5)
    assert evals(layers.MarginRankingLossLayer(name="l"), LOGITS, OTHER) == {"l/accuracy": pytest.approx(expected)}


def test_group_softmax_notes_both_accuracies():
    scores = np.array([[2.0, 0, -1, -1], [-1, -1, 3, 1], [2, -1, 3, -1], [-1, -2, -3, -4]])
    got = evals(layers.GroupSoftmaxWithLossLayer(4, 2, name="l"), scores, np.array([0, 2, 0, 0]))
    # Third: the most probable class is wrong, and so is the second group. Last: the right class, too faint.
    assert got == {"l/accuracy": (0.75, 4.0), "l/group_accuracy": (0.75, 4.0)}


def test_hard_sample_mining_of_a_perfect_batch_is_zero():
    layer = layers.MarginRankingLossLayer(0.5, hard_sample_mining=True)
    assert float(layer([tf.constant([2.0, 3.0]), tf.constant([0.0, 1.0])])) == 0.0


@pytest.mark.parametrize("kind", [layers.MSELossLayer, layers.BCELossLayer, layers.HingeLossLayer])
def test_a_column_and_a_vector_are_never_broadcast(kind):
    flat, labels = LOGITS[:, 0], BITS[:, 0]
    expected = float(kind()(signal(flat, labels)))
    assert float(kind()(signal(flat[:, None], labels))) == pytest.approx(expected)
    assert float(kind()(signal(flat, labels[:, None]))) == pytest.approx(expected)


def test_a_confident_mistake_is_finite():
    for layer, labels in ((layers.SoftmaxWithLossLayer(2), [1]), (layers.BCELossLayer(), [[0.0, 1.0]])):
        assert np.isfinite(float(layer([tf.constant([[1e4, -1e4]]), tf.constant(labels)])))
