"""Source: where examples come from. A function of (split, indices)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypedDict

import numpy as np

from akid.backend import tf
from akid.checks import Check, optional
from akid.constructors import Configured
from akid.errors import AkidError, DataError
from akid.sources.files import unreadable

#: The three parts of a data set.
SPLITS = ("train", "val", "test")
#: The size of a split without an end.
ENDLESS = 2**62


class SourceOptions(TypedDict, total=False):
    """What every source takes by name, see `Source`."""

    center: bool
    scale: bool
    name: str | None


class Source(Configured):
    """A data set in three splits; ``gather(split, indices)`` gives ``[data, *labels]`` as tensors.

    Args:
        center: subtract the middle of the range of the pixels, 127.5 for bytes.
        scale: divide by the range of the pixels, 255 for bytes. Bytes become float32 in any case, last. Of other
            whole numbers the range is not known.
        name: of the source.
    """

    argument_error: ClassVar[type[AkidError]] = DataError
    #: Whether `gather` may run inside the training step; else batches are read ahead by ``tf.data``.
    in_memory: ClassVar[bool] = True
    #: Whether any example can be had by its index. If not the source has a `stream` instead of a `gather`, a run
    #: resumes by skipping, and elastic membership, which needs the rule, refuses it.
    random_access: ClassVar[bool] = True
    #: ``(middle, extent)`` of the pixels; by default that of bytes, or of floats in [0, 1].
    pixel_range: ClassVar[tuple[float, float] | None] = None

    def __init__(self, center: bool = False, scale: bool = False, name: str | None = None) -> None:
        self.name = type(self).__name__
        self.name = optional(self.check.text, "name", name) or self.name
        self.center, self.scale = self.check.flag("center", center), self.check.flag("scale", scale)
        self.ready = False

    def setup(self) -> None:
        """Find or load the data, once.

        Raises:
            DataError: they are missing, damaged or unreadable; says what to put where.
        """
        if self.ready:
            return
        try:
            self._setup()
        except OSError as error:
            if isinstance(error, AkidError) or error.filename is None:
                raise
            raise unreadable(f"{self.name}: {error.filename}", error) from error
        self.ready = True

    def _setup(self) -> None:
        """Find or load the data, for a source that has something to do first."""

    def size(self, split: str) -> int:
        """How many examples a split has."""
        raise NotImplementedError(f"{type(self).__name__} must define size(split)")

    def signature(self) -> list[tf.TensorSpec]:
        """Shapes and dtypes of what `gather` gives, the batch dimension None."""
        raise NotImplementedError(f"{type(self).__name__} must define signature()")

    def gather(self, split: str, indices: tf.Tensor) -> list[tf.Tensor]:
        """Raw examples.

        Args:
            split: ``train``, ``val`` or ``test``.
            indices: int64 ``[batch]``.

        Returns:
            ``[data, *labels]``, each with a leading batch dimension.
        """
        raise NotImplementedError(f"{type(self).__name__} must define gather(split, indices)")

    def known(self, split: str) -> Sequence[np.ndarray | None]:
        """The signals ``[data, *labels]`` of a split that are known without reading it, None for the others."""
        return ()

    def stream(self, split: str, skip: int) -> tf.data.Dataset:
        """Single examples ``(data, *labels)`` from number ``skip`` on, for a source without random access.

        For ``train`` it has no end.
        """
        raise NotImplementedError(f"{type(self).__name__} must define stream(split, skip)")

    def normalise(self, data: tf.Tensor) -> tf.Tensor:
        """Raw data to float32, centred and scaled as asked.

        Raises:
            DataError: the range of such data is not known.
        """
        middle, extent = self._pixel_range(data.dtype)
        data = data if data.dtype == tf.float32 else tf.cast(data, tf.float32)
        if self.center:
            data = data - middle
        # Not a division: a graph would make this multiplication of it, and its last bits differ from eager code's.
        return data * (1.0 / extent) if self.scale else data

    def _pixel_range(self, dtype: tf.DType) -> tuple[float, float]:
        """``(middle, extent)``; where none is needed it does not matter."""
        if self.pixel_range is not None:
            return self.pixel_range
        if dtype == tf.uint8:
            return 127.5, 255.0
        if dtype.is_floating or not (self.center or self.scale):
            return 0.5, 1.0
        raise DataError(
            f"{self.name}: center and scale must know the range of the pixels, and that of {dtype.name} is not"
            " known. Give pixels as uint8, or as floats in [0, 1]; a source of one's own can set pixel_range ="
            f" (middle, extent). Received: center={self.center}, scale={self.scale}",
            argument="center" if self.center else "scale",
        )


def checked_sizes(check: Check, **sizes: int | None) -> dict[str, int | None]:
    """``num_train=..., num_val=..., num_test=...`` by split, each an integer >= 0 or None."""
    return {
        name.removeprefix("num_"): optional(check.integer, name, size, least=0) for name, size in sizes.items()
    }


class InMemorySource(Source):
    """A source whose arrays are held in memory, in their own dtype; a subclass writes `load`."""

    def load(self) -> Mapping[str, Sequence[np.ndarray]]:
        """``{split: [data, *labels]}``; splits may be missing."""
        raise NotImplementedError(f"{type(self).__name__} must define load()")

    def _setup(self) -> None:
        self.arrays = {split: tuple(arrays) for split, arrays in self.load().items()}
        for split, arrays in self.arrays.items():
            sizes = {len(a) for a in arrays}
            if len(sizes) > 1:
                raise DataError(
                    f"{self.name}: data and labels must have the same length. Received for {split!r}:"
                    f" {[len(a) for a in arrays]}"
                )
        self._tensors: dict[str, list[tf.Tensor]] = {}

    def size(self, split: str) -> int:
        """How many examples a split has."""
        arrays = self.arrays.get(split)
        return len(arrays[0]) if arrays else 0

    def known(self, split: str) -> Sequence[np.ndarray | None]:
        """All of them; see `Source.known`."""
        return self.arrays.get(split, ())

    def signature(self) -> list[tf.TensorSpec]:
        """Shapes and dtypes of the arrays, the batch dimension None."""
        arrays = next(iter(self.arrays.values()))
        return [tf.TensorSpec([None, *a.shape[1:]], tf.as_dtype(a.dtype)) for a in arrays]

    def gather(self, split: str, indices: tf.Tensor) -> list[tf.Tensor]:
        """Rows of the arrays; see `Source.gather`."""
        if split not in self._tensors:
            with tf.init_scope():
                self._tensors[split] = [tf.convert_to_tensor(a) for a in self.arrays[split]]
        return [tf.gather(t, indices) for t in self._tensors[split]]


def split_sizes(total: int, sizes: Mapping[str, int | None], name: str) -> dict[str, int]:
    """How many examples each split has; splits without a number share what is left (train takes it).

    Raises:
        DataError: more are asked for than there are.
    """
    asked = {s: n for s, n in sizes.items() if n is not None}
    if sum(asked.values()) > total:
        raise DataError(
            f"{name}: {' + '.join(f'num_{s}={n}' for s, n in asked.items())} must be at most the"
            f" {total} examples there are."
        )
    counts = {s: asked.get(s, 0) for s in SPLITS}
    if sizes.get("train") is None:
        counts["train"] = total - sum(asked.values())
    return counts
