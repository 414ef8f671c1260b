"""What a KongFu does with gradients: sparse ones, none, clipping."""

from __future__ import annotations

import numpy as np
import pytest

from akid import kongfus
from akid.backend import tf
from akid.kongfus import GradientDescentKongFu, MomentumKongFu
from akid.kongfus.clipping import clip, merged

KINDS = [getattr(kongfus, n) for n in kongfus.__all__ if n.endswith("KongFu") and n != "KongFu"]


def table():
    return tf.Variable(np.random.default_rng(0).normal(size=(5, 2)).astype("float32"))


def sparse(step):
    """Rows 1 and 4; row 1 twice, as when a batch has a word twice."""
    rng = np.random.default_rng(10 + step)
    values = rng.normal(size=(3, 2)).astype("float32")
    return tf.IndexedSlices(tf.constant(values), tf.constant([1, 4, 1]), tf.constant([5, 2]))


def dense(slices):
    full = np.zeros((5, 2), "float32")
    np.add.at(full, slices.indices.numpy(), slices.values.numpy())
    return full


@pytest.mark.parametrize("clipping", [{}, {"clip_value": 0.5}, {"clip_norm": 0.7}, {"clip_global_norm": 0.7}])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sparse_gradient_means_the_same_as_the_dense_one(kind, clipping):
    tables = [table(), table()]
    for variable, form in zip(tables, (lambda s: s, lambda s: tf.constant(dense(s))), strict=True):
        kongfu = kind(0.05, **clipping)
        kongfu.setup({"embedding/weights": variable})
        for step in range(3):
            kongfu.apply([form(sparse(step))], step)
    np.testing.assert_allclose(tables[0].numpy(), tables[1].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_an_embedding_learns_in_a_graph(kind):
    variable, kongfu = table(), kind(0.05)
    kongfu.setup({"embedding/weights": variable})
    before = variable.numpy()

    @tf.function(autograph=False)
    def learn(words, step):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(tf.gather(variable, words)))
        kongfu.apply(tape.gradient(loss, [variable]), step)

    learn(tf.constant([3, 3, 0]), tf.constant(0, tf.int64))
    moved = np.any(variable.numpy() != before, axis=1)
    # The weight decay of these two reaches every row.
    decays = kind in (kongfus.AdamWKongFu, kongfus.LAMBKongFu)
    np.testing.assert_array_equal(moved, [True] * 5 if decays else [True, False, False, True, False])


def test_merged_adds_up_equal_rows():
    once = merged(sparse(0))
    assert once.indices.numpy().tolist() == [1, 4]
    np.testing.assert_allclose(dense(once), dense(sparse(0)), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_without_a_gradient_is_left_alone(kind):
    idle, busy = tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])
    kongfu = kind(0.1, clip_value=1.0, clip_norm=1.0, clip_global_norm=1.0)
    kongfu.setup({"idle": idle, "busy": busy})
    kongfu.apply([None, tf.constant([1.0, 1.0])], 0)
    assert idle.numpy().tolist() == [1.0, 2.0]
    assert busy.numpy().tolist() != [1.0, 2.0]


def moves(**clipping):
    """How plain descent with a rate of 1 moves two variables under these gradients."""
    variables = {"a": tf.Variable([0.0, 0.0]), "b": tf.Variable([0.0])}
    kongfu = GradientDescentKongFu(1.0, **clipping)
    kongfu.setup(variables)
    kongfu.apply([tf.constant([3.0, -4.0]), tf.constant([12.0])], 0)
    return [-v.numpy() for v in variables.values()]


def test_clip_value_bounds_every_element():
    a, b = moves(clip_value=3.5)
    assert (a.tolist(), b.tolist()) == ([3.0, -3.5], [3.5])


def test_clip_norm_bounds_every_norm():
    a, b = moves(clip_norm=2.5)
    np.testing.assert_allclose([*a, *b], [1.5, -2.0, 2.5], rtol=1e-6)


def test_clip_global_norm_bounds_the_norm_of_all():
    a, b = moves(clip_global_norm=6.5)
    np.testing.assert_allclose([*a, *b], [1.5, -2.0, 6.0], rtol=1e-6)


def test_clipping_leaves_small_gradients_alone():
    a, b = moves(clip_value=20.0, clip_norm=20.0, clip_global_norm=20.0)
    np.testing.assert_allclose([*a, *b], [3.0, -4.0, 12.0], rtol=1e-6)


def test_clip_keeps_none():
    assert clip([None, tf.constant([1.0])], 0.5, 0.5, 0.5)[0] is None


def test_setup_again_starts_anew():
    kongfu = MomentumKongFu(0.1)
    kongfu.setup({"old": tf.Variable([1.0])})
    kongfu.setup({"new": tf.Variable([1.0])})
    assert list(kongfu.slots) == ["new/momentum"]
