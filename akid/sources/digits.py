"""DigitsSource: the UCI handwritten digits, bundled with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from akid.sources.arrays import ArraySource

_FILE = Path(__file__).parent / "bundled" / "digits.npz"


class DigitsSource(ArraySource):
    """1,797 handwritten digits, ``[8, 8, 1]`` with values 0 to 16, labels 0 to 9 (see bundled/ATTRIBUTION.md).

    Args:
        num_train: images to learn from; the rest if left out.
        num_val: images to validate on.
        num_test: images kept aside for the end.
        split_seed, center, scale, name: see `ArraySource`. The range of a pixel is 16.
    """

    pixel_range = (8.0, 16.0)

    def __init__(
        self,
        num_train: int | None = None,
        num_val: int = 300,
        num_test: int = 0,
        split_seed: int | None = 0,
        center: bool = False,
        scale: bool = True,
        name: str | None = None,
    ) -> None:
        empty = np.empty([0, 8, 8, 1], np.float32)
        super().__init__(empty, None, num_train, num_val, num_test, split_seed, center, scale, name)

    def load(self) -> Mapping[str, Sequence[np.ndarray]]:
        """Read the bundled file."""
        with np.load(_FILE) as file:
            self._all = [file["images"], file["labels"]]
        return super().load()
