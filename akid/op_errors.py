"""Errors of TensorFlow's ops carry nothing but text: the one place that reads something out of it."""

from __future__ import annotations

import itertools
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from akid.backend import tf
from akid.errors import AkidError

#: What ``tf.debugging.check_numerics`` is told to say of a block's output.
NOT_FINITE = "The output of block {!r} is not finite"

#: Errors on their way through a graph, by number. Those that nobody takes out are forgotten in the end.
_carried: OrderedDict[int, AkidError] = OrderedDict()
_numbers = itertools.count()
_MOST_CARRIED = 64


class _CarriedError(Exception):
    """Stands for an akid error while it passes through a graph."""


@contextmanager
def carried() -> Iterator[None]:
    """For Python that a graph calls: an akid error raised in this context comes out of `data_errors` as it is."""
    try:
        yield
    except AkidError as error:
        number = next(_numbers)
        _carried[number] = error
        while len(_carried) > _MOST_CARRIED:
            _carried.popitem(last=False)
        raise _CarriedError(f"{error} (akid error {number})") from error


@contextmanager
def data_errors() -> Iterator[None]:
    """An akid error that went through a graph, where it loses its class, is raised again."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"\(akid error (\d+)\)", error.message or "")
        original = _carried.pop(int(found[1]), None) if found else None
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
