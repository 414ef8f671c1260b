"""The conformance table of the sources: a line for every source that akid exports. To add one, add a line."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from akid import sources as S  # noqa: N812
from akid.backend import tf
from akid.sources import Source
from akid.sources import digits as digits_module

#: ``{split: [data, *labels]}``, every example in order.
Examples = Mapping[str, list[np.ndarray]]
SIZES = {"train": 12, "val": 4, "test": 3}


@dataclass(frozen=True)
class Row:
    """A source and what it must give.

    Args:
        make: writes the files into a directory, and gives a source that is not set up, and its examples.
        id: in the names of tests.
        stream: whether it has no random access.
    """

    make: Callable[[Path], tuple[Source, Examples]]
    id: str
    stream: bool = False


def _random(seed: int, *shape: int, below: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, below, shape, np.uint8)


def _cut(*arrays: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Training, validation and test examples, one after the other."""
    ends = np.cumsum([*SIZES.values()])[:-1]
    parts = zip(*(np.split(array, ends) for array in arrays), strict=True)
    return dict(zip(SIZES, map(list, parts), strict=True))


def _images(*shape: int) -> np.ndarray:
    return _random(0, sum(SIZES.values()), *shape)


def _labels(below: int = 10, seed: int = 1) -> np.ndarray:
    return _random(seed, sum(SIZES.values()), below=below)


def in_order(directory: Path) -> tuple[Source, Examples]:
    """Arrays, as they come."""
    arrays = [_images(6, 5, 1), _labels().astype(np.int64), _images(2).astype(np.float64)]
    source = S.ArraySource(arrays[0], arrays[1:], num_val=4, num_test=3, split_seed=None)
    return source, _cut(*arrays)


def permuted(directory: Path) -> tuple[Source, Examples]:
    """Arrays, split by numpy's permutation."""
    arrays = [_images(6, 5, 1), _labels()]
    order = np.random.default_rng(7).permutation(sum(SIZES.values()))
    source = S.ArraySource(*arrays, num_val=4, num_test=3, split_seed=7)
    return source, _cut(*(array[order] for array in arrays))


def digits(directory: Path) -> tuple[Source, Examples]:
    """The digits of the package."""
    with np.load(digits_module._FILE) as file:
        arrays = [file["images"][:], file["labels"][:]]
    order = np.random.default_rng(0).permutation(len(arrays[0]))
    taken = [array[order][: sum(SIZES.values())] for array in arrays]
    return S.DigitsSource(num_train=12, num_val=4, num_test=3), _cut(*taken)


def mnist(directory: Path) -> tuple[Source, Examples]:
    """The four files of MNIST: the training file holds what is validated on too."""
    images, labels = _images(28, 28), _labels()
    for stem, part in (("train", slice(16)), ("t10k", slice(16, None))):
        for kind, array in (("images-idx3", images[part]), ("labels-idx1", labels[part])):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (directory / f"{stem}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes(), 1))
    return S.MNISTFeedSource(work_dir=str(directory), num_val=4), _cut(images[..., None], labels)


def _write_cifar(path: Path, images: np.ndarray, *labels: np.ndarray) -> None:
    """Records of the labels and the planes of a picture."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    path.write_bytes(np.concatenate([*(label[:, None] for label in labels), planes], 1).tobytes())


def cifar10(directory: Path) -> tuple[Source, Examples]:
    """Five files to learn from and one to test."""
    images, labels = _images(32, 32, 3), _labels()
    bounds = [0, 3, 6, 9, 12, 16]
    for i in range(5):
        part = slice(bounds[i], bounds[i + 1])
        _write_cifar(directory / f"data_batch_{i + 1}.bin", images[part], labels[part])
    _write_cifar(directory / "test_batch.bin", images[16:], labels[16:])
    return S.CIFAR10Source(work_dir=str(directory), num_val=4), _cut(images, labels)


def cifar100(directory: Path) -> tuple[Source, Examples]:
    """Two labels a picture, of which the fine one is given."""
    images, coarse, fine = _images(32, 32, 3), _labels(20, seed=2), _labels(100, seed=3)
    for name, part in (("train.bin", slice(16)), ("test.bin", slice(16, None))):
        _write_cifar(directory / name, images[part], coarse[part], fine[part])
    return S.CIFAR100Source(work_dir=str(directory), num_val=4), _cut(images, fine)


def image_folder(directory: Path) -> tuple[Source, Examples]:
    """Folders of the splits and of the classes in them, by the order of the names."""
    parts = _cut(_images(6, 5, 3), (_labels() % 2).astype(np.int32))
    examples = {split: [images, np.sort(labels)] for split, (images, labels) in parts.items()}
    for split, (images, labels) in examples.items():
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = directory / split / ("cat", "dog")[label] / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tf.io.encode_png(image).numpy())
    return S.ImageFolderSource(str(directory)), examples


def tf_record(directory: Path) -> tuple[Source, Examples]:
    """Two files to learn from, one for each other split."""
    examples = _cut(_images(4, 5, 1), _labels().astype(np.int64))
    for split, (images, labels) in examples.items():
        for shard, rows in enumerate(np.array_split(np.arange(len(labels)), 2 if split == "train" else 1)):
            with tf.io.TFRecordWriter(str(directory / f"{split}-{shard}.tfrecord")) as writer:
                for i in rows:
                    example = tf.train.Example()
                    example.features.feature["image"].bytes_list.value.append(images[i].tobytes())
                    example.features.feature["label"].int64_list.value.append(int(labels[i]))
                    writer.write(example.SerializeToString())
    features = {
        "image": {"dtype": "uint8", "shape": [4, 5, 1], "encoding": "raw"},
        "label": {"dtype": "int64", "shape": []},
    }
    patterns = {split: f"{split}-*.tfrecord" for split in SIZES}
    return S.TFRecordSource(features, **patterns, work_dir=str(directory)), examples


def pipelines(directory: Path) -> tuple[Source, Examples]:
    """Pipelines of ``tf.data``."""
    examples = _cut(_images(4, 5, 1), _labels().astype(np.int32))
    made = {split: tf.data.Dataset.from_tensor_slices(tuple(parts)) for split, parts in examples.items()}
    return S.DatasetSource(**made), examples


ROWS = [
    Row(in_order, "ArraySource"),
    Row(permuted, "ArraySource-permuted"),
    Row(digits, "DigitsSource"),
    Row(mnist, "MNISTFeedSource"),
    Row(cifar10, "CIFAR10Source"),
    Row(cifar100, "CIFAR100Source"),
    Row(image_folder, "ImageFolderSource"),
    Row(tf_record, "TFRecordSource"),
    Row(pipelines, "DatasetSource", stream=True),
]

#: Exported to be subclassed; they hold no data.
ABSTRACT = {S.InMemorySource, S.ReadingSource, S.Source}
