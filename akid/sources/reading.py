"""Sources whose examples are read by Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from akid.backend import tf
from akid.sources.base import Source
from akid.sources.calls import call_python
from akid.storage import patiently


class ReadingSource(Source):
    """A source with random access that is read by Python; a subclass writes `read`, ``size`` and ``signature``.

    Its batches are read ahead in threads by ``tf.data``, so `read` must be safe to call from several. It is called
    again while a file system is away (`akid.storage`), and must open anew what it cannot read from.
    """

    in_memory = False

    def read(self, split: str, indices: np.ndarray) -> Sequence[np.ndarray]:
        """``[data, *labels]`` of these examples, int64 ``[batch]``."""
        raise NotImplementedError(f"{type(self).__name__} must define read(split, indices)")

    def gather(self, split: str, indices: tf.Tensor) -> list[tf.Tensor]:
        """See `Source.gather`."""
        return call_python(lambda i: patiently(lambda: self.read(split, i)), indices, self.signature())
