"""Reshape, padding, merge, concat and scatter against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.errors import BlockError
from akid.jokers import PadJoker
from akid.layers import (
    ConcatLayer,
    FlattenLayer,
    MergeLayer,
    PaddingLayer,
    ReshapeLayer,
    ScatterLayer,
)

RNG = np.random.default_rng(3)
X = RNG.normal(size=(2, 3, 4)).astype(np.float32)
IMAGE = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "expected"), [(None, (12,)), ([12], (12,)), ([4, 3], (4, 3)), ([2, -1, 1], (2, 6, 1)), ([-1], (12,))]
)
@pytest.mark.parametrize("batch", [1, 2])
def test_reshape_leaves_the_batch_alone(shape: Any, expected: tuple[int, ...], batch: int) -> None:
    out = ReshapeLayer(shape)(X[:batch])
    np.testing.assert_array_equal(out, X[:batch].reshape(batch, *expected))


def test_reshape_to_one_number_keeps_the_batch() -> None:
    assert ReshapeLayer([1])(np.ones((1, 1, 1), np.float32)).shape == [1, 1]


def test_flatten_of_an_empty_batch() -> None:
    assert FlattenLayer()(X[:0]).shape == [0, 12]


def test_reshape_of_an_example_of_unknown_size() -> None:
    traced = tf.function(ReshapeLayer([-1, 4]), [tf.TensorSpec([None, None, 4])], autograph=False)
    assert traced.get_concrete_function().structured_outputs.shape.as_list() == [None, None, 4]
    assert traced(X).shape == [2, 3, 4]


def test_padding() -> None:
    expected = np.pad(IMAGE, [(0, 0), (1, 1), (2, 2), (0, 0)])
    np.testing.assert_array_equal(PaddingLayer([1, 2])(IMAGE), expected)
    full = [[0, 0], [1, 0], [0, 2]]
    padded = PaddingLayer(full, value=7.0)(X)
    np.testing.assert_array_equal(padded, np.pad(X, full, constant_values=7.0))


def test_the_padding_layer_and_the_joker_pad_alike() -> None:
    np.testing.assert_array_equal(PaddingLayer([4, 3])(IMAGE), PadJoker([4, 3])(IMAGE))


def test_merge_is_the_sum() -> None:
    np.testing.assert_allclose(MergeLayer()([X, 2 * X, X]), 4 * X, rtol=1e-6)
    np.testing.assert_array_equal(MergeLayer()(X), X)


def test_concat() -> None:
    np.testing.assert_array_equal(ConcatLayer()([X, X[..., :2]]), np.concatenate([X, X[..., :2]], -1))
    np.testing.assert_array_equal(ConcatLayer(1)([X, X[:, :2]]), np.concatenate([X, X[:, :2]], 1))
    np.testing.assert_array_equal(ConcatLayer()(X), X)


def test_scatter_drops_what_is_left_over() -> None:
    first, second = ScatterLayer([1, 2])(X)
    np.testing.assert_array_equal(first, X[..., :1])
    np.testing.assert_array_equal(second, X[..., 1:3])
    assert len(ScatterLayer([1, 3])(X)) == 2


def test_scatter_then_concat_is_nothing() -> None:
    brain = Brain().attach(ScatterLayer([1, 2, 1]), ConcatLayer())
    np.testing.assert_array_equal(brain(X), X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReshapeLayer([2, 0]), r"reshape: shape must be a list of integers >= 1, .* shape=\[2, 0\]"),
        (lambda: ReshapeLayer([-1, -1]), r"at most one of them -1, without the batch. Received: shape=\[-1, -1\]"),
        (
            lambda: ReshapeLayer([5])(X),
            r"reshape: an example of 12 numbers cannot have the shape \[5\]. Received: shape=\(2, 3, 4\)",
        ),
        (lambda: ReshapeLayer([5, -1])(X), r"an example of 12 numbers cannot have the shape \[5, -1\]"),
        (lambda: PaddingLayer([1]), r"pad: padding must be \[rows, columns\], or .* Received: padding=\[1\]"),
        (lambda: PaddingLayer([-1, 0]), r"all >= 0. Received: padding=\[-1, 0\]"),
        (
            lambda: PaddingLayer([[1, 0], [0, 0]]),
            r"with \[0, 0\] for the batch, .* Received: padding=\[\[1, 0\], \[0, 0\]\]",
        ),
        (lambda: PaddingLayer([1, 1])(X), r"pad takes a signal \[batch, height, .* shape=\(2, 3, 4\)"),
        (lambda: PaddingLayer([[0, 0], [1, 1]])(X), r"pad takes a signal of rank 2, as padding has entries"),
        (
            lambda: MergeLayer()([X, X[:, :2]]),
            r"merge: all signals must have one shape. Received: shapes=\[\(2, 3, 4\), \(2, 2, 4\)\]",
        ),
        (lambda: ConcatLayer(0), r"concat: axis must be an integer other than 0, the batch. Received: axis=0"),
        (
            lambda: ConcatLayer(1)([X, X[..., :2]]),
            r"concat: axis=1: the signals may differ in this dimension only. Received: shapes=\[\(2, 3, 4\)",
        ),
        (lambda: ConcatLayer(3)([X, X]), r"concat: axis=3: the signals have no such dimension"),
        (lambda: ConcatLayer(-3)([X, X]), r"concat: axis=-3: the signals have no such dimension"),
        (
            lambda: ScatterLayer([3, 2])(X),
            r"scatter: scatter_len_list=\[3, 2\] needs 5 channels. Received: shape=\(2, 3, 4\)",
        ),
        (
            lambda: ScatterLayer([]),
            r"scatter: scatter_len_list must be a list of .*, not empty. Received: scatter_len",
        ),
    ],
)
def test_errors_of_structural_layers_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()
