"""Gradient clipping."""

from __future__ import annotations

from collections.abc import Sequence

from akid.backend import tf


def clip(
    gradients: Sequence[tf.Tensor | None],
    value: float | None = None,
    norm: float | None = None,
    global_norm: float | None = None,
) -> list[tf.Tensor | None]:
    """Bound gradients: every element, then every norm, then the norm of all (Pascanu et al., 2013).

    Args:
        gradients: None stays None.
        value: bound of every element's absolute value.
        norm: bound of every gradient's L2 norm.
        global_norm: bound of the L2 norm of all together.
    """
    clipped = list(gradients)
    if value is not None:
        clipped = [None if g is None else tf.clip_by_value(g, -value, value) for g in clipped]
    if norm is not None:
        clipped = [None if g is None else tf.clip_by_norm(g, norm) for g in clipped]
    if global_norm is not None:
        clipped, _ = tf.clip_by_global_norm(clipped, global_norm)
    return clipped
