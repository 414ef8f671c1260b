"""Reads a stream; what its pipeline does in the background ends before the interpreter does."""

from __future__ import annotations

import atexit
import functools
import time
import weakref
from collections.abc import Iterator

from akid.backend import tf
from akid.sources.calls import ending, prepare_to_end

#: Seconds the end of the process waits for what is under way.
_PATIENCE = 30.0
_readers: weakref.WeakSet[Reader] = weakref.WeakSet()


def until_the_end(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The pipeline, which stops, and with it the threads before it, once the process is about to end."""
    return dataset.take_while(lambda *_: tf.logical_not(ending()))


class Reader(Iterator[list[tf.Tensor]]):
    """The elements of a pipeline, one after the other, in eager code or inside a graph.

    An iterator lives as long as a graph that reads it. If the pipeline calls Python, as one made from a generator
    does, that would keep an interpreter that ends waiting for ever: so it is read to its end before.

    Args:
        dataset: of tuples of tensors; `until_the_end` is part of it.
    """

    def __init__(self, dataset: tf.data.Dataset) -> None:
        _register()
        self._iterator = iter(dataset)
        _readers.add(self)

    def __next__(self) -> list[tf.Tensor]:
        return list(next(self._iterator))


@functools.cache
def _register() -> None:
    atexit.register(_end)


def _end() -> None:
    """Read what pipelines have begun to read; then they have no threads any more."""
    prepare_to_end()
    deadline = time.monotonic() + _PATIENCE
    for reader in list(_readers):
        try:
            while time.monotonic() < deadline:
                next(reader)
        except (StopIteration, tf.errors.OpError):
            continue
