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
        clipped = [_mapped(g, partial(tf.clip_by_norm, clip_norm=norm)) for g in clipped]
    if global_norm is not None:
        clipped, _ = tf.clip_by_global_norm(clipped, global_norm)
    return clipped


def merged(gradient: Gradient) -> Gradient:
    """A sparse gradient with every row once: those of the same row are added up. Others as they are."""
    if gradient is None or not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, places = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, places, tf.shape(rows)[0])
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _mapped(gradient: Gradient, function: Callable[[tf.Tensor], tf.Tensor]) -> Gradient:
    if gradient is None:
        return None
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)
