"""MNISTFeedSource: the MNIST handwritten digits, and data sets in the same files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack

import numpy as np

from akid.sources.arrays import cut
from akid.sources.base import InMemorySource, SourceOptions, checked_sizes
from akid.sources.files import DataFile, FileSet, damaged
from akid.sources.formats.idx import read_idx

_PUBLISHED = (
    "http://yann.lecun.com/exdb/mnist/",
    "https://yann.lecun.com/exdb/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)


def _file(stem: str, kind: str, about: str, sha256: str) -> DataFile:
    plain = f"{stem}-{kind}-ubyte"
    return DataFile(f"{plain}.gz", about, sha256, also=(plain, f"{stem}.{kind}-ubyte"))


#: Images and labels of the training file, then of the test file.
_FILES = (
    _file(
        "train-images",
        "idx3",
        "60,000 training images, 9,912,422 bytes",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    _file(
        "train-labels",
        "idx1",
        "their labels, 28,881 bytes",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    _file(
        "t10k-images",
        "idx3",
        "10,000 test images, 1,648,877 bytes",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    _file(
        "t10k-labels",
        "idx1",
        "their labels, 4,542 bytes",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


class MNISTFeedSource(InMemorySource):
    """70,000 handwritten digits, ``[28, 28, 1]`` bytes, labels 0 to 9 (LeCun, Cortes, Burges).

    Any data set in files of the same names and format will do, such as Fashion-MNIST. The first ``num_train``
    images of the training file are for training, the next ``num_val`` for validation; test is the test file.

    Args:
        url: where to download files that are missing, e.g. ``https://storage.googleapis.com/cvdf-datasets/mnist/``;
            the file's name is appended. Nothing is downloaded if left out.
        work_dir: where the files lie, gzipped or not; ``AKID_DATA_PATH/mnist`` if left out.
        num_train: images to learn from; all but ``num_val`` if left out.
        num_val: images to validate on.
        checksums: sha256 by file name; those of the published files are known.
        **options: see `Source`.
    """

    def __init__(
        self,
        url: str | None = None,
        work_dir: str | None = None,
        num_train: int | None = None,
        num_val: int = 10_000,
        checksums: Mapping[str, str] | None = None,
        **options: Unpack[SourceOptions],
    ) -> None:
        super().__init__(**options)
        self.sizes = checked_sizes(self.check, num_train=num_train, num_val=num_val)
        self.files = FileSet(self.check, work_dir, "mnist", url, checksums, _PUBLISHED)

    def load(self) -> Mapping[str, Sequence[np.ndarray]]:
        """Read the four files."""
        base = (self.files.url or "").rstrip("/")
        images, labels, test_images, test_labels = self.files.need(_FILES, lambda file: f"{base}/{file.name}")
        learnt = _pair(images, labels)
        parts = cut(learnt, self.sizes, self.name)
        return {**parts, "test": _pair(test_images, test_labels)}


def _pair(images_path: Path, labels_path: Path) -> list[np.ndarray]:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise damaged(images_path, f"should hold images of bytes, but holds {images.dtype} {list(images.shape)}")
    if labels.ndim != 1:
        raise damaged(labels_path, f"should hold one label an image, but holds an array {list(labels.shape)}")
    if len(images) != len(labels):
        raise damaged(
            labels_path, f"holds {len(labels):,} labels for the {len(images):,} images of {images_path.name}"
        )
    return [images[..., None], labels]
