"""A look into a brain at one step: distributions of weights, gradients and activations, for TensorBoard.

It is a function of its own, run only when asked for: the training step pays nothing for what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.blocks.system import System
from akid.blocks.trip import Trip

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.sensors.sensor import Sensor

#: Buckets of a histogram.
BUCKETS = 30
#: Pictures of a batch.
IMAGES = 3


class Inspector:
    """``inspector(step)`` sends the training batch of a step through, forward and backward, and learns nothing.

    Gives ``{tag: (kind, value)}``, the kind ``histogram`` (a table, see `histogram`), ``scalar`` or ``image``:

    - ``weights/<variable>`` and ``gradients/<parameter>``;
    - ``activations/<block>`` and ``sparsity/<block>``, the fraction of zeros;
    - ``images/data``, if the data are images;
    - ``<block>/<name>`` for what a block noted by ``trip.summary``.

    Args:
        brain: built.
        sensor: set up.
        seed: of the run.
    """

    def __init__(self, brain: Brain, sensor: Sensor, seed: int = 0) -> None:
        self.brain, self.sensor, self.seed = brain, sensor, seed
        self._kinds: dict[str, str] = {}
        self._run: Callable[..., dict[str, tf.Tensor]] | None = None

    def __call__(self, step: int) -> dict[str, tuple[str, Any]]:
        """What there is to see at this step."""
        state = [v for v in self.brain.named_variables().values() if not v.trainable]
        before = [v.value() for v in state]
        # Data that can only be read in order are not read a second time for this: their first batch will do.
        number = step if self.sensor.source.random_access else 0
        given = tf.constant(step, tf.int64), self.sensor.batch(number, "train")
        # Concrete: TensorFlow would warn of the traces of a process that makes many Kids.
        run = self._run or tf.function(self._look, autograph=False).get_concrete_function(*given)
        self._run, seen = run, run(*given)
        for variable, value in zip(state, before, strict=True):
            variable.assign(value)  # running statistics moved, as in any training passage
        return {tag: (self._kinds[tag], value.numpy()) for tag, value in seen.items()}

    def graph(self) -> tf.Graph:
        """The brain as a graph, for TensorBoard's graph page."""

        def forward(*signal: tf.Tensor) -> None:
            self.brain(list(signal), Trip(seed=self.seed))

        function = tf.function(forward, autograph=False)
        return function.get_concrete_function(*self.sensor.signature()).graph

    def _look(self, step: tf.Tensor, batch: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        trip = Trip(training=True, step=step, seed=self.seed, keep=True)
        parameters = self.brain.parameters
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(parameters.values()))
            self.brain(batch, trip)
            loss = trip.total_loss
        gradients = tape.gradient(loss, parameters)
        seen: dict[str, tuple[str, tf.Tensor]] = {}
        for name, variable in self.brain.named_variables().items():
            seen[f"weights/{name}"] = ("histogram", variable.value())
        for name, gradient in gradients.items():
            if gradient is not None:
                seen[f"gradients/{name}"] = ("histogram", tf.convert_to_tensor(gradient))
        for name, value in self._activations(trip):
            seen[f"activations/{name}"] = ("histogram", value)
            seen[f"sparsity/{name}"] = ("scalar", tf.reduce_mean(tf.cast(tf.equal(value, 0), tf.float32)))
        seen |= {name: (kind, value) for name, (kind, value) in trip.summaries.items()}
        if batch[0].shape.rank == 4 and batch[0].shape[-1] in (1, 3, 4):
            seen["images/data"] = ("image", batch[0])
        return self._drawn(seen)

    def _activations(self, trip: Trip) -> Iterator[tuple[str, tf.Tensor]]:
        """What every block gave, systems and scalars (losses) left out."""
        for name, block in self.brain.named_blocks():
            if isinstance(block, System) or name not in trip.data:
                continue
            outputs = trip.data[name]
            outputs = outputs if isinstance(outputs, list) else [outputs]
            for i, output in enumerate(outputs):
                if tf.is_tensor(output) and output.shape.rank != 0 and output.dtype.is_floating:
                    yield (name if len(outputs) == 1 else f"{name}:{i}"), output

    def _drawn(self, seen: Mapping[str, tuple[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
        draw = {"histogram": histogram, "image": pictures, "scalar": lambda value: tf.cast(value, tf.float32)}
        self._kinds = {tag: kind for tag, (kind, _) in seen.items()}
        return {tag: draw[kind](value) for tag, (kind, value) in seen.items()}


def histogram(value: tf.Tensor) -> tf.Tensor:
    """A table, float64 ``[BUCKETS, 3]``: left edge, right edge, count; what is not finite counts as zero."""
    flat = tf.cast(tf.reshape(value, [-1]), tf.float32)
    flat = tf.where(tf.math.is_finite(flat), flat, 0.0)
    low, high = tf.reduce_min(flat), tf.reduce_max(flat)
    # All the same: a range around it, wide enough for float32 to tell its ends apart.
    margin = tf.where(high > low, 0.0, tf.maximum(0.5, tf.abs(low) * 1e-3))
    low, high = low - margin, high + margin
    counts = tf.histogram_fixed_width(flat, [low, high], BUCKETS)
    edges = tf.linspace(tf.cast(low, tf.float64), tf.cast(high, tf.float64), BUCKETS + 1)
    return tf.stack([edges[:-1], edges[1:], tf.cast(counts, tf.float64)], axis=1)


def pictures(value: tf.Tensor) -> tf.Tensor:
    """The first images of a batch ``[batch, height, width, channel]``, the range of their values made [0, 1]."""
    images = tf.cast(value[:IMAGES], tf.float32)
    low, high = tf.reduce_min(images), tf.reduce_max(images)
    return (images - low) / tf.maximum(high - low, 1e-12)
