"""The four files of MNIST, in its format, but small and made up."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np


def write_mnist(directory: Path, train: int, test: int) -> None:
    """Write the training and the test file: every class is a bright square at a place of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    for part, (stem, count) in enumerate((("train", train), ("t10k", test))):
        rng = np.random.default_rng(part)
        labels = rng.integers(0, 10, count, np.uint8)
        images = rng.integers(0, 60, [count, 28, 28], np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label), 4)
            image[8 * row + 2 : 8 * row + 8, 7 * column : 7 * column + 6] += 150
        _write(directory / f"{stem}-images-idx3-ubyte.gz", images)
        _write(directory / f"{stem}-labels-idx1-ubyte.gz", labels)


def _write(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header + array.tobytes())
