"""What losses and measures are given, predictions and labels, and whether they fit."""

from __future__ import annotations

from collections.abc import Sequence

from akid.backend import tf
from akid.blocks.block import Block, Signal
from akid.errors import BlockError

#: What the op is called in a graph that takes labels for the numbers of so many classes.
CLASS_NUMBERS = "numbers_of_{}_classes"


def signals(block: Block, x: Signal, takes: Sequence[str], optional: Sequence[str] = ()) -> list[tf.Tensor]:
    """The signals of a block that takes several, None for the optional ones that are not given.

    Raises:
        BlockError: too few or too many.
    """
    given = list(x) if isinstance(x, (list, tuple)) else [x]
    if not len(takes) <= len(given) <= len(takes) + len(optional):
        names = ", ".join([*takes, *(f"{name} (optional)" for name in optional)])
        raise BlockError(
            f"{block.name}: a {type(block).__name__} takes [{names}]; name them by inputs=["
            '{"name": <block>, "idxs": [0]}, {"name": "system_in", "idxs": [1]}]. '
            f"Received: {'one tensor' if len(given) == 1 else f'{len(given)} tensors'}"
        )
    return given + [None] * (len(takes) + len(optional) - len(given))


def check_scores(block: Block, scores: tf.Tensor, class_num: int | None = None) -> int:
    """The number of classes.

    Raises:
        BlockError: the scores are not ``[batch, class_num]``, or there is one class only.
    """
    shape = scores.shape
    if shape.rank != 2 or shape[-1] is None or (class_num is not None and shape[-1] != class_num):
        wanted = "class_num" if class_num is None else f"class_num={class_num}"
        raise BlockError(
            f"{block.name}: the logits must have the shape [batch, {wanted}]. Received: shape={tuple(shape)}"
        )
    if shape[-1] < 2:
        raise BlockError(
            f"{block.name}: classes are at least two; for one score an example there are BCELossLayer,"
            f" HingeLossLayer and BinaryAccuracyLayer. Received: shape={tuple(shape)}"
        )
    return shape[-1]


def is_dense(labels: tf.Tensor, class_num: int) -> bool:
    """Whether labels are ``[batch, class_num]``, and not class numbers."""
    return labels.shape.rank == 2 and labels.shape[-1] == class_num


def class_numbers(block: Block, labels: tf.Tensor, class_num: int) -> tf.Tensor:
    """Class numbers, int64 ``[batch]``; those of probabilities ``[batch, class_num]`` are their largest.

    Raises:
        BlockError: the labels have another shape, or class numbers are not integers.
    """
    if is_dense(labels, class_num):
        return tf.argmax(labels, -1)
    shape = labels.shape
    if shape.rank not in (1, None) and not (shape.rank == 2 and shape[-1] == 1):
        raise BlockError(
            f"{block.name}: the labels must be class numbers [batch], or probabilities"
            f" [batch, class_num={class_num}]. Received: shape={tuple(shape)}"
        )
    if not (labels.dtype.is_integer or labels.dtype.is_bool):
        raise BlockError(
            f"{block.name}: class numbers must be integers, 0 to {class_num - 1}. Received: labels of"
            f" dtype={labels.dtype.name}"
        )
    return tf.cast(tf.reshape(labels, [-1], name=CLASS_NUMBERS.format(class_num)), tf.int64)


def like(block: Block, labels: tf.Tensor, predictions: tf.Tensor, what: str = "labels") -> tf.Tensor:
    """``labels`` in the shape and dtype of ``predictions``, so that nothing is ever broadcast.

    ``[batch]`` and ``[batch, 1]`` may stand for each other.

    Raises:
        BlockError: the shapes do not fit.
    """
    ours, theirs = labels.shape, predictions.shape
    wider = theirs if theirs.rank == 2 else ours
    if {ours.rank, theirs.rank} == {1, 2} and wider[-1] == 1:
        labels = tf.reshape(labels, tf.shape(predictions))
    elif not ours.is_compatible_with(theirs):
        raise BlockError(
            f"{block.name}: the {what} must have the shape of the predictions, {tuple(theirs)}."
            f" Received: shape={tuple(ours)}"
        )
    return tf.cast(labels, predictions.dtype)


def rows(x: tf.Tensor) -> tf.Tensor:
    """Scalar int32, the number of examples."""
    return tf.shape(x)[0]
