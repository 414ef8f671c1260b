"""Errors of TensorFlow's ops carry nothing but text: the one place that reads something out of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager

from akid.backend import tf
from akid.errors import BlockError, DataError

#: What ``tf.debugging.check_numerics`` is told to say of a block's output.
NOT_FINITE = "The output of block {!r} is not finite"

#: What an op says that refuses values, see `check_values`.
WRONG_VALUES = "akid: wrong values:"
#: What an op says whose call of Python has failed; the number the error is kept under follows.
FAILED_CALL = "akid: a call of Python has failed, number"
#: Errors on their way through a graph, by number; of those that nobody fetches only the latest are kept.
_errors: dict[int, BaseException] = {}
_KEPT_ERRORS = 100
_numbers = itertools.count(1)


def keep(error: BaseException) -> int:
    """Keep an error of Python that a graph has called; the number `data_errors` finds it by."""
    number = next(_numbers)
    _errors[number] = error
    _errors.pop(number - _KEPT_ERRORS, None)
    return number


@contextmanager
def data_errors() -> Iterator[None]:
    """An error of Python that became one of TensorFlow's on its way through a graph is raised as itself."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(rf"{FAILED_CALL}\D*(\d+)", error.message or "")
        original = _errors.pop(int(found[1]), None) if found else None
        original = original or wrong_values(error.message or "")
        if original is None:
            raise
        raise original from None


def check_values(values: tf.Tensor, low: float, high: float, what: str) -> None:
    """The values are in [low, high]; in a graph an op that `data_errors` has words for.

    Args:
        values: of any dtype and shape.
        low, high: the bounds.
        what: says what must be so, ``loss: the labels must be 0 to 1``.

    Raises:
        BlockError: they are not, in eager code.
    """
    least, most = tf.reduce_min(values), tf.reduce_max(values)
    fits = tf.logical_and(least >= low, most <= high)
    if not tf.executing_eagerly():
        tf.raw_ops.Assert(condition=fits, data=[f"{WRONG_VALUES} {what}", least, most])
    elif tf.size(values) > 0 and not fits:
        raise BlockError(f"{what}. Received: {least.numpy():g} to {most.numpy():g}")


def wrong_values(message: str) -> DataError | None:
    """The error for values in the data that an op refused: those of `check_values`, and numbers out of range."""
    found = re.search(rf"{WRONG_VALUES} ([^\]]*)\] \[(\S+)\] \[(\S+)\]", message)
    if found:
        return DataError(f"{found[1]}. Received: {found[2]} to {found[3]}")
    found = re.search(r"a label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)", message)
    if found:
        return DataError(
            f"A label must be the number of one of the loss's {found[2]} classes, 0 to {int(found[2]) - 1}."
            f" Received: {found[1]}"
        )
    found = re.search(r"indices\[[\d,]*\] = (-?\d+) is not in \[0, (\d+)\)", message)
    if found:
        where = re.search(r"{node (?:\S*/)?([^/\s]+)/[^/\s]+\}", message)
        return DataError(
            f"{f'{where[1]}: a' if where else 'A'} number must be 0 to {int(found[2]) - 1}, for there are"
            f" {found[2]}. Received: {found[1]}"
        )
    return None


@contextmanager
def values_of(block: str) -> Iterator[None]:
    """What an op of a block refuses in eager code is told as a mistake in the values the block is given.

    Args:
        block: its full name.

    Raises:
        BlockError: a number out of range.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        known = wrong_values(error.message or "")
        if known is None:
            raise
        text = str(known)
        raise BlockError(f"{block}: {text[0].lower()}{text[1:]}") from None


def not_finite_output(error: tf.errors.OpError) -> str:
    """What a check of a block's output said, see `NOT_FINITE`; empty if the error is another one."""
    found = re.search(NOT_FINITE.replace("{!r}", "'[^']*'"), str(error))
    return found[0] if found else ""


def first_line(error: BaseException) -> str:
    """An error's message in one line, without TensorFlow's words on its graph."""
    return (str(error).splitlines() or [""])[0].partition(" for '{{node")[0]
