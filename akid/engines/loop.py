"""The loop in the graph: many training steps in one call, whatever the number of replicas.

Two seams: the rows of the global batch a replica takes, and how gradients and measures are added up; both are
`akid.engines.replicas.Replicas`'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from akid.backend import tf
from akid.blocks.random import Rows
from akid.blocks.trip import Trip
from akid.engines.replicas import Replicas, slice_of

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.kongfus import KongFu
    from akid.kongfus.moving_average import MovingAverage
    from akid.sensors.sensor import Batch, Sensor


class TrainingLoop:
    """``loop(n, sums)`` runs ``n`` steps in one call of a graph; n is a tensor: no retracing.

    Every replica weighs its loss by its part of the global batch, so that the sum of their gradients is the
    gradient of the mean over the global batch, however many they are.

    Args:
        brain, kongfu, moving_average: built in the replicas' scope.
        sensor: set up; its batches are global ones.
        step: scalar int64, the clock.
        replicas: who learns.
        losses, means: full names of the losses, and of the measures that are means over examples.
        seed, debug: see `Engine.setup`.
    """

    def __init__(
        self,
        brain: Brain,
        kongfu: KongFu,
        sensor: Sensor,
        step: tf.Variable,
        replicas: Replicas,
        losses: list[str],
        means: list[str],
        *,
        seed: int,
        debug: bool,
        moving_average: MovingAverage | None,
    ) -> None:
        self.brain, self.kongfu, self.sensor, self.moving_average = brain, kongfu, sensor, moving_average
        self.replicas, self.losses, self.means = replicas, losses, means
        self.seed, self.debug = seed, debug
        self._step = step
        self._parameters = list(brain.parameters.values())
        self._feeds: dict[int, Callable[[tf.Tensor], Batch]] = {}
        self._run: Callable[..., tuple[tf.Tensor, ...]] | None = None

    @property
    def width(self) -> int:
        """Of the vector of sums: the losses, the weighted measures, their weights."""
        return len(self.losses) + 2 * len(self.means)

    def __call__(self, n: int, sums: list[float]) -> tuple[int, float, list[float]]:
        """``n`` steps, or up to the first whose loss is not finite.

        Args:
            n: at most so many.
            sums: of losses and measures; added to.

        Returns:
            The steps made, the total loss of the last one, and the sums.
        """
        if self._run is None:
            self._run = self._traced()
        done, last, after = self._run(tf.constant(n, tf.int64), tf.constant(sums, tf.float64))
        return int(done), float(last), after.numpy().tolist()

    def seek(self) -> None:
        """The step was set to another one: data that are read in order begin there."""
        if not self.sensor.source.in_memory:
            self._feeds, self._run = {}, None

    def _traced(self) -> Callable[..., tuple[tf.Tensor, ...]]:
        step, size = int(self._step.numpy()), self.sensor.batch_size
        for replica in self.replicas.local:
            rows = None if self.replicas.count == 1 else slice_of(replica, self.replicas.count, size)
            self._feeds[replica] = self.sensor.feed("train", step, rows)
        signature = [tf.TensorSpec([], tf.int64), tf.TensorSpec([self.width], tf.float64)]
        function = tf.function(self._loop, autograph=False, input_signature=signature)
        # Called as it is: finding it by its signature costs a small model as much as the step.
        return function.get_concrete_function()

    def _loop(self, n: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        def go_on(i: tf.Tensor, loss: tf.Tensor, sums: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(i < n, tf.math.is_finite(loss))

        def body(i: tf.Tensor, loss: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
            noted = self.replicas.run(self._learn)[0]
            return i + 1, noted[0], sums + tf.cast(noted[1:], tf.float64)

        start = (tf.constant(0, tf.int64), tf.constant(0.0), sums)
        return tuple(tf.while_loop(go_on, body, start, parallel_iterations=1))

    def _learn(self) -> tf.Tensor:
        """One training step of one replica; float32: the total loss, and what `_noted` gives, of all replicas."""
        replica = self.replicas.index()
        rows = slice_of(replica, self.replicas.count, self.sensor.batch_size)
        step = self._step.value()
        noted = self._update(self._feeds[replica](step), step, rows)
        self._step.assign_add(1, read_value=False)
        return noted

    def _update(self, batch: Batch, step: tf.Tensor, rows: Rows) -> tf.Tensor:
        """Learn from these rows of the global batch of a step; see `_learn`."""
        size, share = self.sensor.batch_size, rows[1] / self.sensor.batch_size
        trip = Trip(True, step, self.seed, rows, global_batch_size=size, debug=self.debug)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._parameters)
            self.brain(batch, trip)
            loss = _part(trip.total_loss, share)
        gradients = tape.gradient(loss, self._parameters)
        there = [gradient for gradient in gradients if gradient is not None]
        summed, noted = self.replicas.sum(there, self._noted(trip, loss, share))
        found = iter(summed)
        self.kongfu.apply([None if gradient is None else next(found) for gradient in gradients], step)
        self.brain.constrain()
        if self.moving_average is not None:
            self.moving_average.update(step)
        return noted

    def _noted(self, trip: Trip, loss: tf.Tensor, share: float) -> tf.Tensor:
        """Float32: the total loss, every loss, the weighted measures and their weights; summed over replicas."""
        evals = [trip.evals[name] for name in self.means]
        losses = [trip.losses[name] for name in self.losses]
        values = [loss, *(_part(value, share) for value in losses)]
        values += [e.value * e.weight for e in evals] + [e.weight for e in evals]
        return tf.stack([tf.cast(value, tf.float32) for value in values])


def _part(value: tf.Tensor, share: float) -> tf.Tensor:
    return value if share == 1 else value * tf.cast(share, value.dtype)
