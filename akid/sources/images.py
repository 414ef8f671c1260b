"""ImageFolderSource: a folder of pictures per class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import numpy as np

from akid.backend import tf
from akid.checks import optional
from akid.errors import DataError, MissingDataError, near_match
from akid.sources.arrays import cut
from akid.sources.base import SourceOptions, checked_sizes
from akid.sources.files import shown, unreadable
from akid.sources.formats.picture_folders import ENDINGS, folders, pictures, split_folders
from akid.sources.formats.picture_header import damaged_picture, picture_size
from akid.sources.reading import ReadingSource


class ImageFolderSource(ReadingSource):
    """Pictures in folders named after their classes, read when they are wanted; PNG, JPEG, GIF (first frame), BMP.

    ``work_dir`` has folders ``train``, ``val`` (or ``validation``) and ``test``, those that are there, with a
    folder per class each; or the class folders themselves, of which ``num_val`` and ``num_test`` pictures are set
    aside by a permutation. Classes are numbered in the order of their names, pictures are in the order of their
    paths; links are followed. Other files, and what is hidden or left by systems (``__MACOSX``, ``lost+found``),
    are passed over. Labels are int32.

    Args:
        work_dir: the directory.
        size: ``[height, width]`` to which pictures are resized (bilinear, antialiased). If left out all must have
            the size of the first one.
        channels: 3 for colour, 1 for grey; pictures are converted, transparency is dropped.
        num_val, num_test: only without ``train`` and ``val`` folders.
        split_seed: of the permutation; None takes the last pictures.
        **options: see `Source`.

    Attributes:
        classes: their names, in order, once it is set up.
    """

    def __init__(
        self,
        work_dir: str,
        size: int | Sequence[int] | None = None,
        channels: int = 3,
        num_val: int = 0,
        num_test: int = 0,
        split_seed: int | None = 0,
        **options: Unpack[SourceOptions],
    ) -> None:
        super().__init__(**options)
        self.work_dir = Path(self.check.path("work_dir", work_dir)).expanduser()
        self.image_size = optional(self.check.pair, "size", size)
        self.channels = self.check.one_of("channels", channels, (1, 3))
        self.sizes = {"train": None, **checked_sizes(self.check, num_val=num_val, num_test=num_test)}
        self.split_seed = optional(self.check.integer, "split_seed", split_seed, least=0)
        self.classes: list[str] = []

    def _setup(self) -> None:
        if not self.work_dir.is_dir():
            raise self._explained("there is no such directory")
        roots = split_folders(self.work_dir)
        if roots:
            self._files = self._listed_by_split(roots)
        else:
            self.classes = folders(self.work_dir)
            self._files = self._set_aside(self._list(self.work_dir))
        if not any(len(paths) for paths, _ in self._files.values()):
            raise self._explained("there is no picture in it")
        if self.image_size is None:
            first = next(paths[0] for paths, _ in self._files.values() if len(paths))
            self._shape = (*picture_size(first), self.channels)
        else:
            self._shape = (*self.image_size, self.channels)

    def _explained(self, problem: str) -> MissingDataError:
        return MissingDataError(
            f"{self.name}: {problem}: {self.work_dir} (work_dir). Put pictures ({', '.join(ENDINGS)}) there as"
            " <class>/<picture>, or as train/<class>/<picture> and val/..., test/... ."
        )

    def _listed_by_split(self, roots: dict[str, Path]) -> dict[str, list[np.ndarray]]:
        if self.sizes["val"] or self.sizes["test"]:
            raise DataError(
                f"{self.name}: {self.work_dir} has folders for its splits, so num_val and num_test must be 0."
                f" Received: num_val={self.sizes['val']}, num_test={self.sizes['test']}"
            )
        self.classes = folders(next(iter(roots.values())))
        for root in roots.values():
            for folder in folders(root):
                if folder not in self.classes:
                    raise DataError(
                        f"{self.name}: {root} has a class {folder!r} that {next(iter(roots))} has not."
                        f" {near_match(folder, self.classes)}"
                    )
        return {split: self._list(root) for split, root in roots.items()}

    def _set_aside(self, files: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
        """Cut into splits, each in the order of the paths."""
        numbers = cut([np.arange(len(files[0]))], self.sizes, self.name, self.split_seed)
        return {split: [a[np.sort(part)] for a in files] for split, (part,) in numbers.items()}

    def _list(self, root: Path) -> list[np.ndarray]:
        """``[paths, labels]`` of the pictures below a directory, in the order of their paths."""
        paths: list[str] = []
        labels: list[int] = []
        for label, folder in enumerate(self.classes):
            found = list(pictures(root / folder)) if (root / folder).is_dir() else []
            paths += found
            labels += [label] * len(found)
        return [np.array(paths, object), np.array(labels, np.int32)]

    def size(self, split: str) -> int:
        """How many pictures a split has."""
        return len(self._files[split][0]) if split in self._files else 0

    def signature(self) -> list[tf.TensorSpec]:
        """Bytes ``[batch, height, width, channels]`` and int32 labels ``[batch]``."""
        return [tf.TensorSpec([None, *self._shape], tf.uint8), tf.TensorSpec([None], tf.int32)]

    def known(self, split: str) -> Sequence[np.ndarray | None]:
        """The labels; see `Source.known`."""
        return (None, self._files[split][1]) if split in self._files else ()

    def read(self, split: str, indices: np.ndarray) -> list[np.ndarray]:
        """See `ReadingSource.read`."""
        paths, labels = self._files[split]
        images = np.empty([len(indices), *self._shape], np.uint8)
        for row, path in enumerate(paths[indices]):
            image = self._decoded(path)
            if image.shape != self._shape:
                raise DataError(
                    f"{shown(path)} has {image.shape[0]} x {image.shape[1]} pixels, the first picture has"
                    f" {self._shape[0]} x {self._shape[1]}. Give {self.name} a size=[height, width] to resize to."
                )
            images[row] = image
        return [images, labels[indices]]

    def _decoded(self, path: str) -> np.ndarray:
        """A picture, resized if a size was given, uint8 ``[height, width, channels]``.

        By single ops in eager code: they run in the calling thread, while a function's would wait for threads of
        the pool that call this.
        """
        try:
            with open(path, "rb") as file, tf.device("CPU"):
                image = tf.raw_ops.DecodeImage(contents=file.read(), expand_animations=False).numpy()
        except OSError as error:
            raise unreadable(path, error) from None
        except tf.errors.OpError:
            raise damaged_picture(path) from None
        image = _in_channels(image, self.channels)
        if self.image_size is None or image.shape[:2] == self.image_size:
            return image
        return _resized(image, self.image_size)


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear, antialiased, as ``tf.image.resize`` has it; rounded to bytes."""
    scale = [new / old for new, old in zip(size, image.shape, strict=False)]
    with tf.device("CPU"):
        resized = tf.raw_ops.ScaleAndTranslate(
            images=image[None], size=size, scale=scale, translation=[0.0, 0.0], kernel_type="triangle"
        )
    return np.clip(np.rint(resized[0].numpy()), 0, 255).astype(np.uint8)


def _in_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Grey, grey with alpha, colour or colour with alpha as grey (ITU-R BT.601 luma) or colour."""
    grey = image.shape[-1] < 3
    if channels == 3:
        return np.repeat(image[..., :1], 3, -1) if grey else image[..., :3]
    if grey:
        return image[..., :1]
    luma = image[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.rint(luma)[..., None].astype(np.uint8)
