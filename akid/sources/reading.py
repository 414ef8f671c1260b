"""Sources whose examples are read by Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from akid.backend import tf
from akid.op_errors import carried
from akid.sources.base import Source


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


def call_python(
    read: Callable[[np.ndarray], Sequence[np.ndarray]], indices: tf.Tensor, specs: Sequence[tf.TensorSpec]
) -> list[tf.Tensor]:
    """``read(indices)`` as tensors like ``specs``, in eager code or as an op of a graph."""
    if tf.executing_eagerly():
        return [tf.convert_to_tensor(a, s.dtype) for a, s in zip(read(indices.numpy()), specs, strict=True)]

    def arrays(indices: np.ndarray) -> tuple[np.ndarray, ...]:
        with carried():
            given = read(indices)
        return tuple(np.asarray(a, s.dtype.as_numpy_dtype) for a, s in zip(given, specs, strict=True))

    tensors = tf.numpy_function(arrays, [indices], [s.dtype for s in specs])
    for tensor, spec in zip(tensors, specs, strict=True):
        tensor.set_shape([indices.shape[0], *spec.shape[1:]])
    return list(tensors)
