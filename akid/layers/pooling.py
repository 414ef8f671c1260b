"""Pooling layers: the maximum or the mean of patches of an image or of a sequence."""

from __future__ import annotations

from typing import Any, Literal

from akid.arguments import Inputs, Padding, Size, at_least, one_of, pair
from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.tensor import IMAGES, SEQUENCES, VOLUMES, TensorLayer, check_signal


class PoolingLayer(ProcessingLayer):
    """Pools patches of images ``[batch, height, width, channel]``; each tensor of a list by itself.

    Args:
        ksize: patch, an int, ``[height, width]`` or the paper's ``[1, height, width, 1]``.
        strides: in the same forms; ``ksize`` if left out.
        padding: ``SAME`` or ``VALID``.
        type: ``max`` or ``avg``.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "pool"

    def __init__(
        self,
        ksize: Size,
        strides: Size | None = None,
        padding: Padding = "VALID",
        type: Literal["max", "avg"] = "max",
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.ksize = pair(ksize, f"{self.name}: ksize")
        self.strides = self.ksize if strides is None else pair(strides, f"{self.name}: strides")
        self.padding = one_of(padding, ("SAME", "VALID"), f"{self.name}: padding")
        self.type = one_of(type, ("max", "avg"), f"{self.name}: type")

    def _setup(self, x: Signal) -> None:
        for image in x if isinstance(x, list) else [x]:
            check_signal(image, IMAGES, self.name)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if isinstance(x, list):
            return [self._forward(image, trip) for image in x]
        pool = tf.nn.max_pool2d if self.type == "max" else tf.nn.avg_pool2d
        return pool(x, self.ksize, self.strides, self.padding)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, "type": self.type}


class MaxPoolingLayer(PoolingLayer):
    """The maximum of every patch.

    Args:
        ksize, strides, padding, name, inputs, dtype: see `PoolingLayer`.
        get_argmax_idx: give ``[maxima, indices]`` instead; an index is ``(row * width + column) * channels +
            channel`` of the maximum in its image, int64.
    """

    def __init__(
        self,
        ksize: Size,
        strides: Size | None = None,
        padding: Padding = "VALID",
        get_argmax_idx: bool = False,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(ksize, strides, padding, "max", name, inputs, dtype=dtype)
        self.get_argmax_idx = get_argmax_idx

    def _setup(self, x: Signal) -> None:
        super()._setup(x)
        if self.get_argmax_idx and isinstance(x, list):
            raise BlockError(f"{self.name}: get_argmax_idx takes one tensor. Received: a list of {len(x)}")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if not self.get_argmax_idx:
            return super()._forward(x, trip)
        return list(tf.nn.max_pool_with_argmax(x, self.ksize, self.strides, self.padding))


class AveragePoolingLayer(PoolingLayer):
    """The mean of every patch; of its part inside the image at the borders.

    Args:
        ksize, strides, padding, name, inputs, dtype: see `PoolingLayer`.
    """

    def __init__(
        self,
        ksize: Size,
        strides: Size | None = None,
        padding: Padding = "VALID",
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(ksize, strides, padding, "avg", name, inputs, dtype=dtype)


class Pooling1DLayer(TensorLayer):
    """Pools stretches of sequences ``[batch, time, channel]``.

    Args:
        ksize: how many time steps are pooled.
        strides: ``ksize`` if left out.
        padding, type: see `PoolingLayer`.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "pool"
    takes = SEQUENCES

    def __init__(
        self,
        ksize: int,
        strides: int | None = None,
        padding: Padding = "VALID",
        type: Literal["max", "avg"] = "max",
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.ksize = at_least(ksize, 1, f"{self.name}: ksize")
        self.strides = self.ksize if strides is None else at_least(strides, 1, f"{self.name}: strides")
        self.padding = one_of(padding, ("SAME", "VALID"), f"{self.name}: padding")
        self.type = one_of(type, ("max", "avg"), f"{self.name}: type")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        pool = tf.nn.max_pool2d if self.type == "max" else tf.nn.avg_pool2d
        out = pool(tf.expand_dims(x, 1), (1, self.ksize), (1, self.strides), self.padding)
        return tf.squeeze(out, 1)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, "type": self.type}


class MaxPooling1DLayer(Pooling1DLayer):
    """The maximum of every stretch.

    Args:
        ksize, strides, padding, name, inputs, dtype: see `Pooling1DLayer`.
    """

    def __init__(
        self,
        ksize: int,
        strides: int | None = None,
        padding: Padding = "VALID",
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(ksize, strides, padding, "max", name, inputs, dtype=dtype)


class AveragePooling1DLayer(Pooling1DLayer):
    """The mean of every stretch; of its part inside the sequence at the ends.

    Args:
        ksize, strides, padding, name, inputs, dtype: see `Pooling1DLayer`.
    """

    def __init__(
        self,
        ksize: int,
        strides: int | None = None,
        padding: Padding = "VALID",
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(ksize, strides, padding, "avg", name, inputs, dtype=dtype)


class GlobalPoolingLayer(TensorLayer):
    """The mean or the maximum over all places: ``[batch, ..., channel]`` becomes ``[batch, channel]``.

    Args:
        type: ``avg`` or ``max``.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "global_pool"
    takes = SEQUENCES | IMAGES | VOLUMES

    def __init__(
        self,
        type: Literal["avg", "max"] = "avg",
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.type = one_of(type, ("avg", "max"), f"{self.name}: type")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        reduce = tf.reduce_mean if self.type == "avg" else tf.reduce_max
        return reduce(x, list(range(1, x.shape.rank - 1)))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"type": self.type}


class GlobalAveragePoolingLayer(GlobalPoolingLayer):
    """The mean over all places.

    Args:
        name, inputs, dtype: see `ProcessingLayer`.
    """

    def __init__(self, name: str | None = None, inputs: Inputs = None, *, dtype: str = "float32") -> None:
        super().__init__("avg", name, inputs, dtype=dtype)


class GlobalMaxPoolingLayer(GlobalPoolingLayer):
    """The maximum over all places.

    Args:
        name, inputs, dtype: see `ProcessingLayer`.
    """

    def __init__(self, name: str | None = None, inputs: Inputs = None, *, dtype: str = "float32") -> None:
        super().__init__("max", name, inputs, dtype=dtype)
