"""Filters: weights of any synapse layer as images, and what can be said about them in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: A filter whose norm is below this fraction of its layer's median norm does nothing: it is dead.
DEAD_BELOW = 0.01


def filters_of(weights: np.ndarray, norm_axes: Sequence[int]) -> np.ndarray:
    """Weights as ``[filter, channel, height, width]``.

    Args:
        weights: ``[*spatial, a, b]`` of a convolution, ``[in, out]`` of an inner product, whose inputs become
            channels of one pixel.
        norm_axes: axes of the weights that lead into one output. Of a depthwise convolution they are the spatial
            ones: each filter has one channel.
    """
    rank = weights.ndim
    spatial = list(range(rank - 2))
    channels = [axis for axis in norm_axes if axis not in spatial]
    outputs = [axis for axis in range(rank) if axis not in norm_axes]
    sizes = [math.prod(weights.shape[axis] for axis in axes) for axes in (outputs, channels)]
    image = {0: (1, 1), 1: (1, weights.shape[0])}.get(len(spatial)) or weights.shape[: rank - 2]
    return weights.transpose([*outputs, *channels, *spatial]).reshape([*sizes, *image])


def folded(filters: np.ndarray, shape: Sequence[int] | None) -> np.ndarray:
    """Filters of an inner product, or of sequences, as images.

    Args:
        filters: ``[filter, channel, 1, width]``.
        shape: ``(height, width, channel)`` of the feature map the inner product flattens, if it was one.

    Returns:
        ``[filter, channel, height, width]``. An inner product of a flat signal becomes squares of one channel, as
        wide as they need to be, NaN where nothing is left; sequences become images ``[channel, time]``.
    """
    count, channels, height, width = filters.shape
    if height > 1:
        return filters
    if width > 1:
        return filters.reshape(count, 1, channels, width)
    if shape is not None and len(shape) == 3 and math.prod(shape) == channels:
        return filters.reshape(count, *shape).transpose(0, 3, 1, 2)
    side = math.ceil(math.sqrt(channels))
    rows = math.ceil(channels / side)
    padded = np.full([count, rows * side], np.nan, filters.dtype)
    padded[:, :channels] = filters[:, :, 0, 0]
    return padded.reshape(count, 1, rows, side)


def few(filters: np.ndarray, most: int) -> np.ndarray:
    """The first filters, at most ``most`` patches in all.

    The channels of a filter are cut off only where fewer than sixteen filters would be left.
    """
    count, channels = filters.shape[:2]
    channels = min(channels, max(most // min(count, 16), 1))
    return filters[: max(most // channels, 1), :channels]


@dataclass(frozen=True)
class FilterStatistics:
    """What the filters of a layer are like.

    Attributes:
        layer: full name.
        filters: how many there are.
        norms: L2 norm of each, float64 ``[filters]``.
        dead: how many have a norm below `DEAD_BELOW` of the median.
        mean, std: of the weights.
        zeros: fraction of the weights that are zero.
    """

    layer: str
    filters: int
    norms: np.ndarray
    dead: int
    mean: float
    std: float
    zeros: float


def statistics_of(layer: str, filters: np.ndarray) -> FilterStatistics:
    """Statistics of filters ``[filter, ...]``."""
    flat = filters.reshape(len(filters), -1).astype(np.float64)
    norms = np.linalg.norm(flat, axis=1)
    dead = int(np.sum(norms <= DEAD_BELOW * np.median(norms)))
    zeros = float(np.mean(flat == 0))
    return FilterStatistics(layer, len(filters), norms, dead, float(flat.mean()), float(flat.std()), zeros)
