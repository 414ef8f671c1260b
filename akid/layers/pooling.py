"""Pooling layers: the maximum or the mean of patches of an image or of a sequence."""

from __future__ import annotations

from typing import Any, Literal, Unpack

from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.options import PADDINGS, LayerOptions, Padding, Size
from akid.layers.tensor import IMAGES, SEQUENCES, VOLUMES, TensorLayer, check_signal, check_window


class PoolingLayer(ProcessingLayer):
    """Pools patches of images ``[batch, height, width, channel]``; each tensor of a list by itself.

    Args:
        ksize: patch, an int, ``[height, width]`` or the paper's ``[1, height, width, 1]``.
        strides: in the same forms; ``ksize`` if left out.
        padding: ``SAME`` or ``VALID``.
        type: ``max`` or ``avg``.
        **options: see `ProcessingLayer`.
    """

    stem = "pool"

    def __init__(
        self,
        ksize: Size,
        strides: Size | None = None,
        padding: Padding = "VALID",
        type: Literal["max", "avg"] = "max",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.ksize = self.check.pair("ksize", ksize)
        self.strides = self.ksize if strides is None else self.check.pair("strides", strides)
        self.padding = self.check.one_of("padding", padding, PADDINGS)
        self.type = self.check.one_of("type", type, ("max", "avg"))

    def _setup(self, x: Signal) -> None:
        for image in x if isinstance(x, list) else [x]:
            check_signal(image, IMAGES, self.name)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if isinstance(x, list):
            return [self._forward(image, trip) for image in x]
        check_window(self.ksize, self.padding, x, trip.path or self.name)
        pool = tf.nn.max_pool2d if self.type == "max" else tf.nn.avg_pool2d
        return pool(x, self.ksize, self.strides, self.padding)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, "type": self.type}


class MaxPoolingLayer(PoolingLayer):
    """The maximum of every patch.

    Args:
        ksize, strides, padding, **options: see `PoolingLayer`.
        get_argmax_idx: give ``[maxima, indices]`` instead; an index is ``(row * width + column) * channels +
            channel`` of the maximum in its image, int64.
    """

    def __init__(
        self,
        ksize: Size,
        strides: Size | None = None,
        padding: Padding = "VALID",
        get_argmax_idx: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(ksize, strides, padding, "max", **options)
        self.get_argmax_idx = self.check.flag("get_argmax_idx", get_argmax_idx)

    def _setup(self, x: Signal) -> None:
        super()._setup(x)
        if self.get_argmax_idx and isinstance(x, list):
            raise BlockError(f"{self.name}: get_argmax_idx takes one tensor. Received: a list of {len(x)}")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if not self.get_argmax_idx:
            return super()._forward(x, trip)
        check_window(self.ksize, self.padding, x, trip.path or self.name)
        return list(tf.nn.max_pool_with_argmax(x, self.ksize, self.strides, self.padding))


class AveragePoolingLayer(PoolingLayer):
    """The mean of every patch; of its part inside the image at the borders.

    Args:
        ksize, strides, padding, **options: see `PoolingLayer`.
    """

    def __init__(
        self, ksize: Size, strides: Size | None = None, padding: Padding = "VALID", **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(ksize, strides, padding, "avg", **options)


class Pooling1DLayer(TensorLayer):
    """Pools stretches of sequences ``[batch, time, channel]``.

    Args:
        ksize: how many time steps are pooled.
        strides: ``ksize`` if left out.
        padding, type: see `PoolingLayer`.
        **options: see `ProcessingLayer`.
    """

    stem = "pool"
    takes = SEQUENCES

    def __init__(
        self,
        ksize: int,
        strides: int | None = None,
        padding: Padding = "VALID",
        type: Literal["max", "avg"] = "max",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.ksize = self.check.integer("ksize", ksize)
        self.strides = self.ksize if strides is None else self.check.integer("strides", strides)
        self.padding = self.check.one_of("padding", padding, PADDINGS)
        self.type = self.check.one_of("type", type, ("max", "avg"))

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        check_window([self.ksize], self.padding, x, trip.path or self.name)
        pool = tf.nn.max_pool2d if self.type == "max" else tf.nn.avg_pool2d
        out = pool(tf.expand_dims(x, 1), (1, self.ksize), (1, self.strides), self.padding)
        return tf.squeeze(out, 1)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, "type": self.type}


class MaxPooling1DLayer(Pooling1DLayer):
    """The maximum of every stretch.

    Args:
        ksize, strides, padding, **options: see `Pooling1DLayer`.
    """

    def __init__(
        self, ksize: int, strides: int | None = None, padding: Padding = "VALID", **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(ksize, strides, padding, "max", **options)


class AveragePooling1DLayer(Pooling1DLayer):
    """The mean of every stretch; of its part inside the sequence at the ends.

    Args:
        ksize, strides, padding, **options: see `Pooling1DLayer`.
    """

    def __init__(
        self, ksize: int, strides: int | None = None, padding: Padding = "VALID", **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(ksize, strides, padding, "avg", **options)


class GlobalPoolingLayer(TensorLayer):
    """The mean or the maximum over all places: ``[batch, ..., channel]`` becomes ``[batch, channel]``.

    Args:
        type: ``avg`` or ``max``.
        **options: see `ProcessingLayer`.
    """

    stem = "global_pool"
    takes = SEQUENCES | IMAGES | VOLUMES

    def __init__(self, type: Literal["avg", "max"] = "avg", **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.type = self.check.one_of("type", type, ("avg", "max"))

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        reduce = tf.reduce_mean if self.type == "avg" else tf.reduce_max
        return reduce(x, list(range(1, x.shape.rank - 1)))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"type": self.type}


class GlobalAveragePoolingLayer(GlobalPoolingLayer):
    """The mean over all places.

    Args:
        **options: see `ProcessingLayer`.
    """

    def __init__(self, **options: Unpack[LayerOptions]) -> None:
        super().__init__("avg", **options)


class GlobalMaxPoolingLayer(GlobalPoolingLayer):
    """The maximum over all places.

    Args:
        **options: see `ProcessingLayer`.
    """

    def __init__(self, **options: Unpack[LayerOptions]) -> None:
        super().__init__("max", **options)
