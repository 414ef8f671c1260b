"""The loop of a coordinator: blocks of steps are handed to whichever worker is free."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from akid.backend import tf
from akid.engines.loop import TrainingLoop

#: Steps of a block at most: so many may be made twice when a worker is lost.
BLOCK = 20


def blocks_of(first: int, n: int, workers: int) -> list[tuple[int, int]]:
    """``(first step, steps)`` of blocks that cover ``n`` steps: two or more for each worker, so that none waits
    long for the last one, and none longer than `BLOCK`."""
    size = max(1, min(BLOCK, math.ceil(n / (2 * workers))))
    return [(start, min(size, first + n - start)) for start in range(first, first + n, size)]


class ClosureLoop(TrainingLoop):
    """``loop(n, sums)`` has workers make ``n`` steps, and comes back when all are made.

    A step learns from the batch of its own number, so that no batch is trained twice on purpose; the parameters
    are what other workers have made of them meanwhile. A block whose worker is lost is made again by another one
    (at least once). The sums are kept beside the parameters: what a worker holds goes with it.

    Args:
        coordinator: of the workers.
        workers: how many there are.
        learners, options: see `TrainingLoop`.
    """

    def __init__(self, coordinator: Any, workers: int, *learners: Any, **options: Any) -> None:
        super().__init__(*learners, **options)
        self._coordinator, self._workers = coordinator, workers
        self._draw = tf.function(self.sensor.draw, autograph=False)
        with self.replicas.scope():
            # How many steps are in the sums, their total loss, and the sums.
            self._sums = tf.Variable(tf.zeros([2 + self.width], tf.float64), trainable=False, name="sums")

    def __call__(self, n: int, sums: list[float]) -> tuple[int, float, list[float]]:
        """``n`` steps; after one whose loss is not finite, a block makes no more.

        Returns:
            The steps in the sums, which are more than ``n`` if some were made twice; the mean of their total
            loss; and the sums.
        """
        first = int(self._step.numpy())
        if self._run is None:
            self._run = self._traced()
        self._sums.assign(tf.zeros_like(self._sums))
        for start, count in blocks_of(first, n, self._workers):
            self._coordinator.schedule(self._run, args=self._block(start, count))
        self._coordinator.join()
        self._step.assign_add(n)
        steps, loss, *added = self._sums.numpy().tolist()
        return int(steps), loss / max(steps, 1), np.add(sums, added).tolist()

    def seek(self) -> None:
        """The step was set to another one; every block says its own."""

    def _block(self, start: int, count: int) -> tuple[tf.Tensor, ...]:
        """The arguments of a block: its first step, and what its batches are made from, one after another."""
        drawn = [self._draw(tf.constant(start + i, tf.int64)) for i in range(count)]
        return tf.constant(start, tf.int64), *(tf.stack(parts) for parts in zip(*drawn, strict=True))

    def _traced(self) -> Any:
        drawn = self._draw(tf.constant(0, tf.int64))
        signature = [tf.TensorSpec([], tf.int64), *(tf.TensorSpec([None, *d.shape], d.dtype) for d in drawn)]
        return tf.function(self._steps, autograph=False, input_signature=signature).get_concrete_function()

    def _steps(self, first: tf.Tensor, *given: tf.Tensor) -> tf.Tensor:
        """A block of steps, on a worker."""
        count, rows = tf.shape(given[0], out_type=tf.int64)[0], (0, self.sensor.batch_size)

        def go_on(i: tf.Tensor, sums: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(i < count, tf.math.is_finite(sums[1]))

        def body(i: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = self.sensor.drawn(first + i, [tensor[i] for tensor in given])
            noted = self._update(batch, first + i, rows)
            return i + 1, sums + tf.cast(tf.concat([[1.0], noted], 0), tf.float64)

        start = (tf.constant(0, tf.int64), tf.zeros([2 + self.width], tf.float64))
        done, sums = tf.while_loop(go_on, body, start, parallel_iterations=1)
        self._sums.assign_add(sums, read_value=False)
        return done
