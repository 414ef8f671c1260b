"""Tiles: many small images in one, NaN between them; and the layouts of the paper's Figs. 7 and 8."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from akid.checks import Check
from akid.errors import AkidError

KINDS = ("square", "normal", "inverse", "dynamic")


@dataclass(frozen=True)
class Layout:
    """How filters are laid out.

    ``normal``: a filter is a row of its channels and its bias, and ``num`` filters stand beside each other.
    ``inverse``: a filter is a column of its channels and its bias, and ``num`` filters stand above each other.
    ``dynamic``: as normal, with the ``num`` that makes the picture nearest to a square.
    ``square``: all channels of all filters as close to a square as they get, without biases.

    Attributes:
        kind: one of `KINDS`.
        num: how many filters beside (normal) or above (inverse) each other.
    """

    kind: str = "square"
    num: int = 1

    @classmethod
    def of(cls, layout: str | Mapping[str, Any] | Self) -> Self:
        """From its name, or from the paper's ``{"type": "normal", "num": 1}``.

        Raises:
            AkidError: there is no such layout, with a near match.
        """
        if isinstance(layout, cls):
            return layout
        check = Check("Layout")
        given = {"type": layout} if isinstance(layout, str) else check.mapping("layout", layout)
        unknown = sorted(set(given) - {"type", "num"}, key=str)
        if unknown:
            raise AkidError(f"A layout has a type and a num, no {unknown[0]!r}. Received: layout={layout!r}")
        kind = check.one_of("type", given.get("type", ""), KINDS)
        return cls(kind, check.integer("num", given.get("num", 1)))


def near_square(count: int, height: int, width: int) -> int:
    """How many columns make ``count`` tiles of this size the picture with the smallest longer side."""
    sides = {n: max(math.ceil(count / n) * height, n * width) for n in range(1, count + 1)}
    return min(sides, key=lambda n: (sides[n], n))


def tiled(patches: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Patches in rows, from the left and from the top.

    Args:
        patches: float ``[count, height, width]``, or ``[count, height, width, 3]`` in colour.
        columns: how many stand in a row.
        gap: pixels between them.

    Returns:
        ``[height, width]`` or ``[height, width, 3]``, NaN where no patch is.
    """
    count, height, width, *colour = patches.shape
    rows = math.ceil(count / columns)
    size = rows * (height + gap) - gap, columns * (width + gap) - gap
    picture = np.full([*size, *colour], np.nan, np.float32)
    for i, patch in enumerate(patches):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        picture[top : top + height, left : left + width] = patch
    return picture


def arranged(filters: np.ndarray, biases: np.ndarray | None, layout: Layout, gap: int = 1) -> np.ndarray:
    """A layer's filters in one picture.

    Args:
        filters: float ``[filter, channel, height, width]``.
        biases: ``[filter]``, each drawn as a line of pixels behind its filter; None for none.
        layout: where what goes.
        gap: pixels between channels, and half of those between filters.

    Returns:
        float32 ``[height, width]``, NaN where nothing is.
    """
    count, channels, height, width = filters.shape
    if layout.kind == "square":
        return tiled(filters.reshape(-1, height, width), near_square(count * channels, height + gap, width + gap))
    if layout.kind == "inverse":
        transposed = arranged(filters.transpose(0, 1, 3, 2), biases, Layout("normal", layout.num), gap)
        return transposed.T
    parts = [np.stack([tiled(f, channels, gap) for f in filters])]
    if biases is not None:
        line = np.broadcast_to(biases[:, None, None], [count, height, 1])
        parts += [np.full([count, height, gap], np.nan), line]
    strips = np.concatenate(parts, axis=2)
    apart = gap if channels == 1 and biases is None else 2 * gap
    dynamic = layout.kind == "dynamic"
    columns = near_square(count, height + apart, strips.shape[2] + apart) if dynamic else min(layout.num, count)
    return tiled(strips, columns, apart)


def in_colour(filters: np.ndarray) -> np.ndarray:
    """Filters of three channels ``[filter, 3, height, width]`` as patches ``[filter, height, width, 3]``.

    They are in [0, 1], zero is middle grey, and all share one scale.
    """
    most = max(float(np.abs(filters).max(initial=0)), 1e-12)
    return (filters.transpose(0, 2, 3, 1) / most + 1) / 2


def to_unit(values: np.ndarray) -> np.ndarray:
    """Values with their range made [0, 1]; those of a constant become 0. NaN stays, infinity is the end."""
    values = np.asarray(values, np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return (np.clip(values, low, high) - low) / max(high - low, 1e-12)


def limit_of(values: np.ndarray, quantile: float = 0.995) -> float:
    """The end of a scale that is symmetric around zero: this quantile of the magnitudes, so that no outlier pales
    the rest; never zero."""
    finite = np.abs(values[np.isfinite(values)])
    end = float(np.quantile(finite, quantile)) if finite.size else 0.0
    return end or float(finite.max(initial=0)) or 1.0
