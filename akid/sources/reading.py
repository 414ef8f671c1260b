"""Sources whose examples are read by Python, and errors that survive the way through a graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from akid.backend import tf
from akid.sources.base import Source
from akid.sources.calls import call_python, python_error


class ReadingSource(Source):
    """A source with random access that is read by Python; a subclass writes `read`, ``size`` and ``signature``.

    Its batches are read ahead in threads by ``tf.data``, so `read` must be safe to call from several.
    """

    in_memory = False

    def read(self, split: str, indices: np.ndarray) -> Sequence[np.ndarray]:
        """``[data, *labels]`` of these examples, int64 ``[batch]``."""
        raise NotImplementedError(f"{type(self).__name__} must define read(split, indices)")

    def gather(self, split: str, indices: tf.Tensor) -> list[tf.Tensor]:
        """See `Source.gather`."""
        return call_python(lambda i: self.read(split, i), indices, self.signature())


@contextmanager
def teaching() -> Iterator[None]:
    """An error of a source's Python, which becomes one of TensorFlow's in a graph, comes out as itself."""
    try:
        yield
    except tf.errors.OpError as error:
        cause = python_error(error)
        if cause is None:
            raise
        raise cause from None
