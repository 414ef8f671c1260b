"""SingleEngine: everything on one device, a block of steps per call inside one graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.engines.base import Engine, Report, Tally, forever
from akid.engines.evaluation import Evaluator
from akid.sources.reading import teaching

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.kongfus import KongFu
    from akid.kongfus.moving_average import MovingAverage
    from akid.sensors.sensor import Batch, Sensor


class SingleEngine(Engine):
    """One device. ``train(n)`` is one call of a graph that loops n times; n is a tensor: no retracing."""

    name: ClassVar[str] = "single"

    def setup(
        self,
        brain: Brain,
        kongfu: KongFu,
        sensor: Sensor,
        *,
        seed: int = 0,
        debug: bool = False,
        moving_average: MovingAverage | None = None,
    ) -> None:
        """Build the brain and the slots; see `Engine.setup`."""
        self.brain, self.kongfu, self.sensor = brain, kongfu, sensor
        self.seed, self.debug, self.moving_average = seed, debug, moving_average
        self._step = tf.Variable(0, trainable=False, dtype=tf.int64, name="step")
        trip = brain.build(sensor.signature(), seed)
        self._losses, self._evals = list(trip.losses), list(trip.evals)
        self._means = [name for name, e in trip.evals.items() if e.finish is None]
        kongfu.setup(brain.parameters)
        if moving_average is not None:
            moving_average.setup(brain.parameters)
        self._parameters = list(brain.parameters.values())
        self._feed: Callable[[tf.Tensor], Batch] | None = None
        sums = tf.TensorSpec([len(self._losses) + 2 * len(self._means)], tf.float64)
        self._train = tf.function(self._loop, autograph=False, input_signature=[tf.TensorSpec([], tf.int64), sums])
        self._evaluator = Evaluator(brain, sensor, seed)

    @property
    def step(self) -> tf.Variable:
        """Scalar int64 variable: how many updates were made."""
        return self._step

    @property
    def losses(self) -> list[str]:
        """Full names of the losses the brain notes."""
        return self._losses

    @property
    def evals(self) -> list[str]:
        """Full names of the measures the brain notes."""
        return self._evals

    def train(self, n_steps: int, tally: Tally | None = None) -> Tally:
        """Run training steps; see `Engine.train`."""
        if self._feed is None:
            self._feed = self.sensor.feed("train", int(self._step))
            # Called as it is: finding it by its signature costs a small model as much as the step.
            self._run = self._train.get_concrete_function()
        tally = tally or Tally()
        before = [tally.losses.get(name, 0.0) for name in self._losses]
        for part in (0, 1):
            before += [tally.evals.get(name, (0.0, 0.0))[part] for name in self._means]
        with teaching():
            done, last, sums = self._run(tf.constant(n_steps, tf.int64), tf.constant(before, tf.float64))
        values = iter(sums.numpy().tolist())
        losses = {name: next(values) for name in self._losses}
        weighted = [next(values) for _ in self._means]
        evals = {name: (value, next(values)) for name, value in zip(self._means, weighted, strict=True)}
        return Tally(tally.steps + int(done), losses, evals, float(last))

    def _loop(self, n: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """``n`` steps, or up to the first whose loss is not finite; adds to the sums of losses and measures."""

        def go_on(i: tf.Tensor, loss: tf.Tensor, sums: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(i < n, tf.math.is_finite(loss))

        def body(i: tf.Tensor, loss: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
            trip = self._learn()
            noted = _noted(trip, self._losses, self._means)
            return i + 1, tf.cast(trip.total_loss, tf.float32), sums + noted

        start = (tf.constant(0, tf.int64), tf.constant(0.0), sums)
        return tuple(tf.while_loop(go_on, body, start, parallel_iterations=1))

    def _learn(self) -> Trip:
        """One training step."""
        assert self._feed is not None
        step = self._step.value()
        trip = Trip(training=True, step=step, seed=self.seed, debug=self.debug)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._parameters)
            self.brain(self._feed(step), trip)
            loss = trip.total_loss
        self.kongfu.apply(tape.gradient(loss, self._parameters), step)
        self.brain.constrain()
        if self.moving_average is not None:
            self.moving_average.update(step)
        self._step.assign_add(1, read_value=False)
        return trip

    def evaluate(self, split: str, go_on: Callable[[], bool] = forever) -> Report:
        """Every example of a split once; see `Engine.evaluate`."""
        return self._evaluator(split, go_on)


def _noted(trip: Trip, losses: list[str], means: list[str]) -> tf.Tensor:
    """The losses, the weighted measures and their weights, in a float64 vector."""
    evals = [trip.evals[name] for name in means]
    values = [trip.losses[name] for name in losses]
    values += [e.value * e.weight for e in evals] + [e.weight for e in evals]
    if not values:
        return tf.zeros([0], tf.float64)
    return tf.cast(tf.stack([tf.cast(v, tf.float32) for v in values]), tf.float64)
