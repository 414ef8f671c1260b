"""DigitsSource: the UCI handwritten digits, bundled with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack

import numpy as np

from akid.sources.arrays import ArraySource
from akid.sources.base import SourceOptions

_FILE = Path(__file__).parent / "bundled" / "digits.npz"


class DigitsSource(ArraySource):
    """1,797 handwritten digits, ``[8, 8, 1]`` with values 0 to 16, labels 0 to 9 (see bundled/ATTRIBUTION.md).

    Args:
        num_train: images to learn from; the rest if left out.
        num_val: images to validate on.
        num_test: images kept aside for the end.
        split_seed, **options: see `ArraySource`. ``scale`` is True if left out; the range of a pixel is 16.
    """

    pixel_range = (8.0, 16.0)

    def __init__(
        self,
        num_train: int | None = None,
        num_val: int = 300,
        num_test: int = 0,
        split_seed: int | None = 0,
        **options: Unpack[SourceOptions],
    ) -> None:
        empty = np.empty([0, 8, 8, 1], np.float32)
        options.setdefault("scale", True)
        super().__init__(empty, None, num_train, num_val, num_test, split_seed, **options)

    def load(self) -> Mapping[str, Sequence[np.ndarray]]:
        """Read the bundled file."""
        with np.load(_FILE) as file:
            self._all = [file["images"], file["labels"]]
        return super().load()
