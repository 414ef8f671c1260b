"""ArraySource: numpy arrays as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from akid.sources.base import SPLITS, InMemorySource, split_sizes


class ArraySource(InMemorySource):
    """Arrays in memory, split by a permutation that depends only on ``split_seed``.

    Args:
        data: ``[examples, ...]``.
        labels: one array ``[examples, ...]``, a list of several, or None.
        num_train: examples to learn from; the rest if left out.
        num_val: examples to validate on.
        num_test: examples kept aside for the end.
        split_seed: of the permutation; None takes the examples in order.
        center, scale, name: see `Source`.
    """

    def __init__(
        self,
        data: np.ndarray,
        labels: np.ndarray | Sequence[np.ndarray] | None = None,
        num_train: int | None = None,
        num_val: int = 0,
        num_test: int = 0,
        split_seed: int | None = 0,
        center: bool = False,
        scale: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(center, scale, name)
        several = list(labels) if isinstance(labels, (list, tuple)) else [labels]
        self._all = [np.asarray(a) for a in [data, *several] if a is not None]
        self._sizes = {"train": num_train, "val": num_val, "test": num_test}
        self._split_seed = split_seed

    def load(self) -> Mapping[str, Sequence[np.ndarray]]:
        """Cut the arrays into splits."""
        total = min(len(a) for a in self._all)
        if len({len(a) for a in self._all}) > 1:
            return {"train": self._all}
        counts = split_sizes(total, self._sizes, self.name)
        order = np.arange(total)
        if self._split_seed is not None:
            order = np.random.default_rng(self._split_seed).permutation(total)
        ends = np.cumsum([counts[s] for s in SPLITS])
        parts = np.split(order, ends)
        return {s: [a[part] for a in self._all] for s, part in zip(SPLITS, parts, strict=False)}
