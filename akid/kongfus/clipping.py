"""Gradient clipping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from akid.backend import tf

#: A tensor, `tf.IndexedSlices` without repeated rows, or None for a parameter without influence.
Gradient = tf.Tensor | tf.IndexedSlices | None


def clip(
    gradients: Sequence[Gradient],
    value: float | None = None,
    norm: float | None = None,
    global_norm: float | None = None,
) -> list[Gradient]:
    """Bound gradients: every element, then every norm, then the norm of all (Pascanu et al., 2013).

    Norms are summed in float64, so that no finite float32 gradient is too large: its direction is kept. Gradients
    within a bound stay as they are, to the bit; where one is NaN or infinite, all under the same norm are NaN.

    Args:
        gradients: tensors; the rows of sparse ones must differ (see `merged`); None stays None.
        value: bound of every element's absolute value.
        norm: bound of every gradient's L2 norm.
        global_norm: bound of the L2 norm of all together.
    """
    clipped = list(gradients)
    if value is not None:
        clipped = [
            _mapped(g, partial(tf.clip_by_value, clip_value_min=-value, clip_value_max=value)) for g in clipped
        ]
    if norm is not None:
        clipped = [_scaled(g, norm, _half_square(g)) for g in clipped]
    if global_norm is not None and any(g is not None for g in clipped):
        total = tf.add_n([_half_square(g) for g in clipped if g is not None])
        clipped = [_scaled(g, global_norm, total) for g in clipped]
    return clipped


def merged(gradient: Gradient) -> Gradient:
    """A sparse gradient with every row once: those of the same row are added up. Others as they are."""
    if gradient is None or not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, places = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, places, tf.shape(rows)[0])
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _half_square(gradient: Gradient) -> tf.Tensor | None:
    """Half the squared L2 norm, a float64 scalar; squares of float32 do not fit into float32."""
    if gradient is None:
        return None
    return tf.nn.l2_loss(tf.cast(_values(gradient), tf.float64))


def _scaled(gradient: Gradient, bound: float, half_square: tf.Tensor | None) -> Gradient:
    """The gradient times ``bound / norm`` if the norm is greater than the bound."""
    if half_square is None:
        return None
    norm = tf.sqrt(2.0 * half_square)
    # No minimum of 1 and the ratio: that of 1 and NaN may be 1.
    scale = tf.where(norm <= bound, tf.constant(1.0, tf.float64), bound / norm)
    factor = tf.where(tf.math.is_finite(norm), scale, tf.constant(float("nan"), tf.float64))
    return _mapped(gradient, lambda values: tf.cast(tf.cast(values, tf.float64) * factor, values.dtype))


def _values(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _mapped(gradient: Gradient, function: Callable[[tf.Tensor], tf.Tensor]) -> Gradient:
    if gradient is None:
        return None
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)
