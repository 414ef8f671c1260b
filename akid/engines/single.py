"""SingleEngine: everything on one device, a block of steps per call inside one graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from akid.backend import tf
from akid.engines.base import Engine, Report
from akid.engines.evaluation import Evaluator
from akid.trips import Trip

if TYPE_CHECKING:
    from akid.brains import Brain
    from akid.kongfus import KongFu
    from akid.moving_average import MovingAverage
    from akid.sensors import Batch, Sensor


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
        self._losses = list(trip.losses)
        self._means = [name for name, e in trip.evals.items() if e.finish is None]
        kongfu.setup(brain.parameters)
        if moving_average is not None:
            moving_average.setup(brain.parameters)
        self._parameters = list(brain.parameters.values())
        self._feed: Callable[[tf.Tensor], Batch] | None = None
        self._train = tf.function(self._loop, autograph=False, input_signature=[tf.TensorSpec([], tf.int64)])
        self._evaluator = Evaluator(brain, sensor, seed)

    @property
    def step(self) -> tf.Variable:
        """Scalar int64 variable: how many updates were made."""
        return self._step

    def train(self, n_steps: int) -> Report:
        """Run training steps; see `Engine.train`."""
        if self._feed is None:
            self._feed = self.sensor.feed("train", int(self._step))
        done, last, losses, values, weights = (t.numpy() for t in self._train(tf.constant(n_steps, tf.int64)))
        means = {n: float(v) / max(float(w), 1e-12) for n, v, w in zip(self._means, values, weights, strict=True)}
        by_name = {n: float(v) / done for n, v in zip(self._losses, losses, strict=True)}
        return Report(int(done), sum(by_name.values()), float(last), by_name, means)

    def _loop(self, n: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """``n`` steps, or up to the first whose loss is not finite; sums of losses and measures."""

        def go_on(i: tf.Tensor, loss: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(i < n, tf.math.is_finite(loss))

        def body(i: tf.Tensor, loss: tf.Tensor, *sums: tf.Tensor) -> tuple[Any, ...]:
            trip = self._learn()
            noted = _stacked(trip, self._losses, self._means)
            return i + 1, tf.cast(trip.total_loss, tf.float32), *(s + x for s, x in zip(sums, noted, strict=True))

        zeros = (tf.zeros([len(self._losses)]), tf.zeros([len(self._means)]), tf.zeros([len(self._means)]))
        start = (tf.constant(0, tf.int64), tf.constant(0.0), *zeros)
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

    def evaluate(self, split: str) -> Report:
        """Every example of a split once; see `Engine.evaluate`."""
        return self._evaluator(split)


def _stacked(trip: Trip, losses: list[str], means: list[str]) -> tuple[tf.Tensor, ...]:
    """The losses, the weighted measures and their weights, a vector each."""
    values = [trip.losses[name] for name in losses]
    evals = [trip.evals[name] for name in means]
    return (
        _vector(values),
        _vector([e.value * e.weight for e in evals]),
        _vector([e.weight for e in evals]),
    )


def _vector(values: list[tf.Tensor]) -> tf.Tensor:
    return tf.stack([tf.cast(v, tf.float32) for v in values]) if values else tf.zeros([0])
