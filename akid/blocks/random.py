"""Random numbers that are a pure function of (seed, step, time, block, row), never of process state."""

from __future__ import annotations

import hashlib

from akid.backend import tf

#: ``(start, count)``: which rows of the global batch.
Rows = tuple[int | tf.Tensor, int]
#: ``tf.random.Algorithm.PHILOX``: counter based, the same bits on every device and version.
_PHILOX = 1
#: Philox gives its 32-bit numbers in groups of four; a counter counts groups.
_GROUP = 4
#: Time steps below this, in at most two systems one inside the other, are counted by the clock.
_TIMES = 1024


def draw(
    stream: str,
    step: int | tf.Tensor,
    times: tuple[int, ...],
    rows: Rows | None,
    shape: tf.Tensor,
    distribution: str,
) -> tf.Tensor:
    """The rows of a draw that belong to a part of the batch, float32 of ``shape``.

    Args:
        stream: names the draw: seed, block and number.
        step: int or scalar integer tensor.
        times: the time steps of the systems with feedback around the block, the outermost first.
        rows: of the global batch that ``shape`` speaks of; None for all.
        shape: int64; its first dimension is the batch. A scalar is one number for the whole batch.
        distribution: ``uniform`` in [0, 1) or ``normal`` with mean 0 and variance 1.
    """
    name, time = time_key(times)
    start = 0 if rows is None or shape.shape[0] == 0 else rows[0]
    first = tf.constant(0, tf.int64)
    if not (isinstance(start, int) and start == 0):
        first = tf.cast(start, tf.int64) * tf.reduce_prod(shape[1:])
    clock = tf.cast(step, tf.int64) * _TIMES**2 + time
    return philox(stream + name, clock, first, shape, distribution)


def time_key(times: tuple[int, ...]) -> tuple[str, int]:
    """``(part of the stream's name, part of the clock)``, different for different times.

    Without feedback, and in systems that are not unrolled, times are zeros; zeros in front do not count.
    """
    while times and times[0] == 0:
        times = times[1:]
    if len(times) <= 2 and all(time < _TIMES for time in times):
        return "", sum(time * _TIMES**place for place, time in enumerate(reversed(times)))
    return "@" + ".".join(map(str, times)), 0


def philox(stream: str, clock: tf.Tensor, first: tf.Tensor, shape: tf.Tensor, distribution: str) -> tf.Tensor:
    """Numbers ``first ..`` of the stream called ``stream`` at time ``clock``, float32 of ``shape``."""
    digest = hashlib.blake2b(stream.encode(), digest_size=8).digest()
    key = tf.constant([int.from_bytes(digest)], tf.uint64)
    group, skip = first // _GROUP, first % _GROUP
    counter = tf.cast(tf.stack([group, clock]), tf.uint64)
    op = {
        "uniform": tf.raw_ops.StatelessRandomUniformV2,
        "normal": tf.raw_ops.StatelessRandomNormalV2,
    }[distribution]
    size = tf.reduce_prod(shape)
    flat = op(shape=[skip + size], key=key, counter=counter, alg=_PHILOX, dtype=tf.float32)
    return tf.reshape(flat[skip:], shape)
