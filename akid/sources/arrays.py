"""ArraySource: numpy arrays as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np

from akid.checks import Check, optional
from akid.sources.base import SPLITS, InMemorySource, SourceOptions, checked_sizes, split_sizes


class ArraySource(InMemorySource):
    """Arrays in memory, split by a permutation that depends only on ``split_seed``.

    Args:
        data: ``[examples, ...]``; an array, or lists in lists of numbers.
        labels: one array ``[examples, ...]`` or list of numbers, a list of several such, or None.
        num_train: examples to learn from; the rest if left out.
        num_val: examples to validate on.
        num_test: examples kept aside for the end.
        split_seed: of the permutation; None takes the examples in order.
        **options: see `Source`.
    """

    def __init__(
        self,
        data: np.ndarray,
        labels: np.ndarray | Sequence[float] | Sequence[np.ndarray] | None = None,
        num_train: int | None = None,
        num_val: int = 0,
        num_test: int = 0,
        split_seed: int | None = 0,
        **options: Unpack[SourceOptions],
    ) -> None:
        super().__init__(**options)
        several = list(labels) if isinstance(labels, (list, tuple)) and not _are_numbers(labels) else [labels]
        given = {"data": data} | {f"labels[{i}]": a for i, a in enumerate(several) if a is not None}
        self._all = [_array(self.check, key, a) for key, a in given.items()]
        self._sizes = checked_sizes(self.check, num_train=num_train, num_val=num_val, num_test=num_test)
        self._split_seed = optional(self.check.integer, "split_seed", split_seed, least=0)

    def load(self) -> Mapping[str, Sequence[np.ndarray]]:
        """Cut the arrays into splits."""
        if len({len(a) for a in self._all}) > 1:
            return {"train": self._all}
        return cut(self._all, self._sizes, self.name, self._split_seed)


def _are_numbers(values: Sequence[object]) -> bool:
    return len(values) > 0 and all(np.ndim(value) == 0 for value in values)  # pyright: ignore[reportArgumentType]


def _array(check: Check, name: str, value: object) -> np.ndarray:
    """An array, or a list that is one, of examples."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.empty([], object)
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise check.wrong(name, "an array of numbers [examples, ...]", value)
    return array


def cut(
    arrays: Sequence[np.ndarray], sizes: Mapping[str, int | None], name: str, split_seed: int | None = None
) -> dict[str, list[np.ndarray]]:
    """Arrays of one length cut into splits of these sizes.

    Args:
        arrays: ``[data, *labels]``.
        sizes: by split; None is the rest.
        name: of the source, for errors.
        split_seed: of the permutation that comes first; None takes the examples in order.
    """
    total = len(arrays[0])
    counts = split_sizes(total, sizes, name)
    ends = np.cumsum([counts[s] for s in SPLITS])
    if split_seed is None:
        parts = [np.split(a, ends) for a in arrays]
    else:
        order = np.split(np.random.default_rng(split_seed).permutation(total), ends)
        parts = [[a[part] for part in order] for a in arrays]
    return {split: [part[i] for part in parts] for i, split in enumerate(SPLITS)}
