"""Errors of TensorFlow's ops carry nothing but text: the one place that reads something out of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager

from akid.backend import tf

#: What ``tf.debugging.check_numerics`` is told to say of a block's output.
NOT_FINITE = "The output of block {!r} is not finite"

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
        if original is None:
            raise
        raise original from None


def not_finite_output(error: tf.errors.OpError) -> str:
    """What a check of a block's output said, see `NOT_FINITE`; empty if the error is another one."""
    found = re.search(NOT_FINITE.replace("{!r}", "'[^']*'"), str(error))
    return found[0] if found else ""


def first_line(error: BaseException) -> str:
    """An error's message in one line, without TensorFlow's words on its graph."""
    return (str(error).splitlines() or [""])[0].partition(" for '{{node")[0]
