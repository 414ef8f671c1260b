"""Percentiles over time: how the distribution of a tensor changes (paper, Fig. 5)."""

from __future__ import annotations

import numpy as np

#: Minimum, 7, 16, 31, 50, 69, 84, 93 % and maximum, as the paper has them: of a normal distribution multiples of
#: half a standard deviation, to four places as TensorBoard takes them.
LEVELS = (0.0, 0.0668, 0.1587, 0.3085, 0.5, 0.6915, 0.8413, 0.9332, 1.0)


def percentiles_of(table: np.ndarray, zeros: float = 0.0, levels: tuple[float, ...] = LEVELS) -> np.ndarray:
    """Percentiles of what a histogram counts, even within each bucket: right to the width of a bucket.

    Args:
        table: ``[buckets, 3]``: left edge, right edge, count.
        zeros: the fraction of the values that are exactly zero; of rectified activations most are.
        levels: in [0, 1], rising; 0 and 1 are the ends of the buckets that hold something.

    Returns:
        float64 ``[levels]``; NaN if nothing was counted.
    """
    full = _with_zeros(table.astype(np.float64), zeros)
    full = full[full[:, 2] > 0]
    if not len(full):
        return np.full(len(levels), np.nan)
    reached = np.cumsum(full[:, 2]) / full[:, 2].sum()
    before = np.concatenate([[0.0], reached[:-1]])
    bucket = np.minimum(np.searchsorted(reached, levels), len(full) - 1)
    within = (np.asarray(levels) - before[bucket]) / (reached[bucket] - before[bucket])
    left, right = full[bucket, 0], full[bucket, 1]
    return left + np.clip(within, 0, 1) * (right - left)


def _with_zeros(table: np.ndarray, zeros: float) -> np.ndarray:
    """The table with a bucket without width for what is zero, taken out of the one around it."""
    around = np.flatnonzero((table[:, 0] <= 0) & (table[:, 1] >= 0) & (table[:, 2] > 0))
    if not zeros or not len(around):
        return table
    i = around[0]
    left, right, count = table[i]
    exact = min(zeros * table[:, 2].sum(), count)
    below = (count - exact) * (-left / (right - left) if right > left else 0.0)
    parts = [[left, 0.0, below], [0.0, 0.0, exact], [0.0, right, count - exact - below]]
    return np.concatenate([table[:i], parts, table[i + 1 :]])
