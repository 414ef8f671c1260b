"""A look into a brain at one step: distributions of weights, gradients and activations, for TensorBoard.

It is a function of its own, run only when asked for: the training step pays nothing for what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from akid.backend import tf
from akid.blocks.system import System
from akid.blocks.trip import Trip
from akid.layers.synapse import SynapseLayer
from akid.pictures.filters import few, filters_of
from akid.pictures.tiles import Layout, arranged, limit_of, near_square, tiled, to_unit

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.sensors.sensor import Sensor

#: Buckets of a histogram.
BUCKETS = 30
#: Pictures of a batch.
IMAGES = 3
#: Convolutions whose filters and feature maps are drawn, and channels drawn of each: small pictures, little time.
DRAWN_LAYERS, DRAWN_CHANNELS = 16, 64


class Inspector:
    """``inspector(step)`` sends the training batch of a step through, forward and backward, and learns nothing.

    Gives ``{tag: (kind, value)}``, the kind ``histogram`` (a table, see `histogram`), ``scalar`` or ``image``:

    - ``weights/<variable>`` and ``gradients/<parameter>``;
    - ``gradient_norms/<parameter>``, and ``gradient_norm`` of all together;
    - ``activations/<block>`` and ``sparsity/<block>``, the fraction of zeros;
    - ``images/data``, if the data are images;
    - ``filters/<block>`` and ``feature_maps/<block>`` of the first convolutions, the latter for one example;
    - ``<block>/<name>`` for what a block noted by ``trip.summary``.

    Args:
        brain: built.
        sensor: set up.
        seed: of the run.
    """

    def __init__(self, brain: Brain, sensor: Sensor, seed: int = 0) -> None:
        self.brain, self.sensor, self.seed = brain, sensor, seed
        self._kinds: dict[str, str] = {}
        self._norm_axes: dict[str, tuple[int, ...]] = {}
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
        return {tag: self._finished(tag, value.numpy()) for tag, value in seen.items()}

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
                gradients[name] = dense = tf.convert_to_tensor(gradient)
                seen[f"gradients/{name}"] = ("histogram", dense)
                seen[f"gradient_norms/{name}"] = ("scalar", tf.norm(dense))
        norms = [
            tf.cast(value, tf.float32) for tag, (_, value) in seen.items() if tag.startswith("gradient_norms/")
        ]
        seen["gradient_norm"] = ("scalar", tf.norm(tf.stack(norms)) if norms else tf.constant(0.0))
        for name, value in self._activations(trip):
            seen[f"activations/{name}"] = ("histogram", value)
            seen[f"sparsity/{name}"] = ("scalar", tf.reduce_mean(tf.cast(tf.equal(value, 0), tf.float32)))
        seen |= {name: (kind, value) for name, (kind, value) in trip.summaries.items()}
        if batch[0].shape.rank == 4 and batch[0].shape[-1] in (1, 3, 4):
            seen["images/data"] = ("image", batch[0])
        return self._drawn(seen | self._convolutions(trip))

    def _convolutions(self, trip: Trip) -> dict[str, tuple[str, tf.Tensor]]:
        """Weights and feature maps of the first layers that have filters with a height and a width."""
        seen: dict[str, tuple[str, tf.Tensor]] = {}
        for name, block in self.brain.named_blocks():
            if not isinstance(block, SynapseLayer) or name not in trip.data or len(seen) == 2 * DRAWN_LAYERS:
                continue
            if block.weights.shape.rank == 4:
                self._norm_axes[name] = block.norm_axes
                seen[f"filters/{name}"] = ("filters", block.weights.value())
                seen[f"feature_maps/{name}"] = ("feature_maps", trip.data[name][:1, ..., :DRAWN_CHANNELS])
        return seen

    def _finished(self, tag: str, value: np.ndarray) -> tuple[str, Any]:
        """``(kind, value)`` as `Inspector` gives them: what is drawn with numpy becomes an image."""
        kind = self._kinds[tag]
        if kind == "filters":
            return "image", _filters_image(filters_of(value, self._norm_axes[tag.removeprefix("filters/")]))
        if kind == "feature_maps":
            return "image", _maps_image(value[0])
        return kind, value

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
        draw = {"histogram": histogram, "image": pictures}
        self._kinds = {tag: kind for tag, (kind, _) in seen.items()}
        return {tag: draw.get(kind, _as_float)(value) for tag, (kind, value) in seen.items()}


def _of_gradients(gradients: Mapping[str, tf.Tensor]) -> dict[str, tuple[str, tf.Tensor]]:
    """Their distributions, their norms, and the norm of all together."""
    norms = {name: tf.cast(tf.norm(gradient), tf.float32) for name, gradient in gradients.items()}
    seen = {f"gradients/{name}": ("histogram", gradient) for name, gradient in gradients.items()}
    seen |= {f"gradient_norms/{name}": ("scalar", norm) for name, norm in norms.items()}
    return seen | ({"gradient_norm": ("scalar", tf.norm(tf.stack(list(norms.values()))))} if norms else {})


def _as_float(value: tf.Tensor) -> tf.Tensor:
    return tf.cast(value, tf.float32)


def histogram(value: tf.Tensor) -> tf.Tensor:
    """A table, float64 ``[BUCKETS, 3]``: left edge, right edge, count; what is not finite counts as zero.

    Of values that are all the same the buckets have no width, and the last one holds them all.
    """
    flat = tf.cast(tf.reshape(value, [-1]), tf.float32)
    flat = tf.where(tf.math.is_finite(flat), flat, 0.0)
    low, high = tf.reduce_min(flat), tf.reduce_max(flat)
    counts = tf.histogram_fixed_width(flat, [low, tf.where(high > low, high, low + tf.abs(low) + 1.0)], BUCKETS)
    same = tf.one_hot(BUCKETS - 1, BUCKETS, tf.size(flat), 0)
    counts = tf.where(high > low, counts, same)
    edges = tf.linspace(tf.cast(low, tf.float64), tf.cast(high, tf.float64), BUCKETS + 1)
    return tf.stack([edges[:-1], edges[1:], tf.cast(counts, tf.float64)], axis=1)


def pictures(value: tf.Tensor) -> tf.Tensor:
    """The first images of a batch ``[batch, height, width, channel]``, the range of their values made [0, 1]."""
    images = tf.cast(value[:IMAGES], tf.float32)
    low, high = tf.reduce_min(images), tf.reduce_max(images)
    return (images - low) / tf.maximum(high - low, 1e-12)


def _filters_image(filters: np.ndarray) -> np.ndarray:
    """Filters ``[filter, channel, height, width]`` as an image, zero in the middle of its range."""
    shown = few(filters, DRAWN_CHANNELS)
    picture = arranged(shown, None, Layout("square"))
    return _enlarged(np.clip(picture / limit_of(shown) / 2 + 0.5, 0, 1))


def _maps_image(maps: np.ndarray) -> np.ndarray:
    """Feature maps ``[height, width, channel]`` of one example as an image."""
    patches = maps.transpose(2, 0, 1)
    count, height, width = patches.shape
    return _enlarged(tiled(to_unit(patches), near_square(count, height + 1, width + 1)))


def _enlarged(picture: np.ndarray, size: int = 256) -> np.ndarray:
    """An image ``[1, height, width, 1]``, whole numbers of times as large, white where nothing was."""
    times = max(size // max(picture.shape), 1)
    return np.nan_to_num(picture, nan=1.0).repeat(times, 0).repeat(times, 1)[None, ..., None]
