"""Calls of Python out of a graph, made by TensorFlow's threads: counted, and ended before the interpreter ends."""

from __future__ import annotations

import atexit
import functools
import time
from collections.abc import Callable, Sequence

import numpy as np

from akid.backend import tf
from akid.op_errors import FAILED_CALL, keep

Read = Callable[[np.ndarray], Sequence[np.ndarray]]
#: Added to the number of calls under way when no more may begin.
_CLOSED = 2**40
#: Seconds the end of the process waits for calls under way.
_PATIENCE = 30.0


def call_python(read: Read, indices: tf.Tensor, specs: Sequence[tf.TensorSpec]) -> list[tf.Tensor]:
    """``read(indices)`` as tensors like ``specs``, in eager code or as an op of a graph.

    In a graph an error of ``read`` becomes one of TensorFlow's; `akid.op_errors.data_errors` gives it back.
    """
    if tf.executing_eagerly():
        return [tf.convert_to_tensor(a, s.dtype) for a, s in zip(read(indices.numpy()), specs, strict=True)]

    def arrays(indices: np.ndarray) -> tuple[np.ndarray, ...]:
        try:
            found = zip(read(indices), specs, strict=True)
            return (np.array(0), *[np.asarray(a, s.dtype.as_numpy_dtype) for a, s in found])
        except BaseException as error:
            return (np.array(keep(error)), *(np.zeros([0], s.dtype.as_numpy_dtype) for s in specs))

    failed, *tensors = _counted(arrays, indices, [tf.int64, *(s.dtype for s in specs)])
    with tf.control_dependencies([tf.debugging.Assert(tf.equal(failed, 0), [FAILED_CALL, failed])]):
        tensors = [tf.identity(tensor) for tensor in tensors]
    for tensor, spec in zip(tensors, specs, strict=True):
        tensor.set_shape([indices.shape[0], *spec.shape[1:]])
    return tensors


def _counted(
    call: Callable[..., Sequence[np.ndarray]], given: tf.Tensor, dtypes: Sequence[tf.DType]
) -> list[tf.Tensor]:
    """The call, counted while it is under way; left out once the interpreter is about to end.

    A thread that waits for an interpreter which has ended waits for ever, and the end of the process waits for
    the thread. So the count is kept where no interpreter is needed to change it.

    Args:
        call: must not raise, or it would be under way for ever.
        given: what it is called with.
        dtypes: of the arrays it gives.
    """
    count = _calls_under_way()
    before = tf.raw_ops.AssignAddVariableOp(resource=count, value=tf.constant(1, tf.int64))
    with tf.control_dependencies([before]):
        closed = ending()
    results = tf.cond(
        closed,
        lambda: [tf.constant(-1, tf.int64), *(tf.zeros([0], dtype) for dtype in dtypes[1:])],
        lambda: tf.numpy_function(call, [given], dtypes),
    )
    with tf.control_dependencies(results):
        after = tf.raw_ops.AssignAddVariableOp(resource=count, value=tf.constant(-1, tf.int64))
    with tf.control_dependencies([after]):
        return [tf.identity(result) for result in results]


@functools.cache
def _calls_under_way() -> tf.Tensor:
    """Handle of a number that outlives every graph; not a tf.Variable, of which a strategy would make several."""
    with tf.init_scope(), tf.device("CPU"):
        count = tf.raw_ops.VarHandleOp(dtype=tf.int64, shape=[], shared_name="akid_calls_under_way")
        tf.raw_ops.AssignVariableOp(resource=count, value=tf.constant(0, tf.int64))
    atexit.register(_end)
    return count


def ending() -> tf.Tensor:
    """Scalar bool: whether the process is about to end."""
    return tf.raw_ops.ReadVariableOp(resource=_calls_under_way(), dtype=tf.int64) >= _CLOSED


@functools.cache
def prepare_to_end() -> None:
    """Let no call begin any more."""
    tf.raw_ops.AssignAddVariableOp(resource=_calls_under_way(), value=tf.constant(_CLOSED, tf.int64))


def _end() -> None:
    """Let no call begin any more, and wait for those under way."""
    prepare_to_end()
    count, deadline = _calls_under_way(), time.monotonic() + _PATIENCE
    while tf.raw_ops.ReadVariableOp(resource=count, dtype=tf.int64) > _CLOSED and time.monotonic() < deadline:
        time.sleep(0.001)
