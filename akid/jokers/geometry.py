"""Jokers that move pixels: pad, crop, flip, resize."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack, get_args

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.checks import optional
from akid.errors import BlockError
from akid.jokers.base import Joker, JokerOptions, image_shape, like, rows_of

ResizeMethod = Literal[
    "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"
]


class PadJoker(Joker):
    """Pads images ``[batch, height, width, channel]`` with zeros.

    Args:
        padding: ``[rows above and below, columns left and right]``, or one number for both.
        **options: see `Joker`.
    """

    stem = "pad"
    is_random = False

    def __init__(self, padding: int | Sequence[int] = (4, 4), **options: Unpack[JokerOptions]) -> None:
        super().__init__(**options)
        self.padding = self.check.pair("padding", padding, least=0)

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        image_shape(data, self)
        return _padded(data, self.padding)


class CropJoker(Joker):
    """Cuts a window out of images: at random while training, from the middle otherwise.

    So all splits have images of one size, and ``CropJoker(32, 32, padding=4)`` shifts images of 32 x 32 pixels by
    up to four in training and does nothing else. Every place of the window is equally likely.

    Args:
        height, width: of the window in pixels.
        center: the middle in training too.
        central_fraction: in ``(0, 1]``: the middle with this share of height and width (rounded down) instead.
        padding: zeros put around the images before, ``[rows, columns]`` on each side, or one number for both.
        **options: see `Joker`; by default every split.
    """

    stem = "crop"
    is_random = False

    def __init__(
        self,
        height: int | None = None,
        width: int | None = None,
        center: bool = False,
        central_fraction: float | None = None,
        padding: int | Sequence[int] = 0,
        **options: Unpack[JokerOptions],
    ) -> None:
        super().__init__(**options)
        self.height = optional(self.check.integer, "height", height)
        self.width = optional(self.check.integer, "width", width)
        self.center = self.check.flag("center", center)
        bounds = {"above": 0, "most": 1}
        self.central_fraction = optional(self.check.number, "central_fraction", central_fraction, **bounds)
        if (central_fraction is None) == (height is None) or (height is None) != (width is None):
            raise BlockError(
                f"{self.name} takes height and width, or central_fraction. Received: height={height!r},"
                f" width={width!r}, central_fraction={central_fraction!r}"
            )
        self.padding = self.check.pair("padding", padding, least=0)

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        high, wide, _ = image_shape(data, self)
        padded = high + 2 * self.padding[0], wide + 2 * self.padding[1]
        window = self._window(padded)
        free = padded[0] - window[0], padded[1] - window[1]
        if min(free) < 0:
            raise BlockError(
                f"{self.name}: the window must fit the images of {padded[0]} x {padded[1]} pixels, padding"
                f" included. Received: height={window[0]}, width={window[1]}"
            )
        data = _padded(data, self.padding)
        if self.center or self.central_fraction is not None or not trip.training:
            top, left = free[0] // 2, free[1] // 2
            return data[:, top : top + window[0], left : left + window[1]]
        draws = trip.random([rows_of(data), 2]) * [free[0] + 1.0, free[1] + 1.0]
        return _windows(data, tf.minimum(tf.cast(draws, tf.int32), free), window)

    def _window(self, size: tuple[int, int]) -> tuple[int, int]:
        if self.central_fraction is None:
            return self.height or size[0], self.width or size[1]
        high, wide = (max(1, int(length * self.central_fraction + 1e-6)) for length in size)
        return high, wide


def _padded(data: tf.Tensor, padding: tuple[int, int]) -> tf.Tensor:
    """Zeros around images. A row of pixels is one stretch, since to pad three dimensions is faster than four."""
    high, wide = padding
    if high == wide == 0:
        return data
    height, width, channels = data.shape[1:]
    stretches = tf.reshape(data, [-1, height, width * channels])
    padded = tf.pad(stretches, [[0, 0], [high, high], [wide * channels, wide * channels]])
    return tf.reshape(padded, [-1, height + 2 * high, width + 2 * wide, channels])


def _windows(data: tf.Tensor, corners: tf.Tensor, window: tuple[int, int]) -> tf.Tensor:
    """A window a row, at its own ``[top, left]``.

    The glimpse op copies row by row and is fastest, but there is none for bytes or on a GPU: there one gather of
    the pixels of the flattened batch gives the same.
    """
    if data.dtype == tf.float32 and not tf.config.list_physical_devices("GPU"):
        how = {"centered": False, "normalized": False, "uniform_noise": False, "noise": "zero"}
        return tf.raw_ops.ExtractGlimpseV2(input=data, size=window, offsets=tf.cast(corners, tf.float32), **how)
    height, width, channels = data.shape[1:]
    tops = tf.range(tf.shape(data)[0]) * height + corners[:, 0]
    rows = tops[:, None] + tf.range(window[0])
    columns = corners[:, 1:] + tf.range(window[1])
    pixels = rows[:, :, None] * width + columns[:, None, :]
    return tf.gather(tf.reshape(data, [-1, channels]), pixels)


class FlipJoker(Joker):
    """Mirrors each image with probability one half, along each axis that is on.

    Args:
        flip_left_right: mirror the columns.
        flip_up_down: mirror the rows.
        **options: see `Joker`.
    """

    stem = "flip"

    def __init__(
        self, flip_left_right: bool = True, flip_up_down: bool = False, **options: Unpack[JokerOptions]
    ) -> None:
        super().__init__(**options)
        self.flip_left_right = self.check.flag("flip_left_right", flip_left_right)
        self.flip_up_down = self.check.flag("flip_up_down", flip_up_down)
        if not (flip_left_right or flip_up_down):
            raise BlockError(f"{self.name} flips neither left and right nor up and down; leave it out.")

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        height, width, channels = image_shape(data, self)
        flips = trip.random([rows_of(data), 2]) < 0.5
        if self.flip_left_right:
            data = _picked(flips[:, 0], _reversed(data, [-1, width, channels]), data)
        if self.flip_up_down:
            data = _picked(flips[:, 1], _reversed(data, [-1, height, width * channels]), data)
        return data


def _reversed(data: tf.Tensor, shape: list[int]) -> tf.Tensor:
    """Images with the middle axis of ``shape`` reversed; TensorFlow has a fast way for three dimensions only."""
    return tf.reshape(tf.reverse(tf.reshape(data, shape), [1]), tf.shape(data))


def _picked(which: tf.Tensor, yes: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
    """Whole rows by a vector of bools, by the old op: ``tf.where`` broadcasts and takes three times as long."""
    return tf.ensure_shape(tf.raw_ops.Select(condition=which, x=yes, y=no), no.shape)


class ResizeJoker(Joker):
    """Resizes images to one size. Bytes stay bytes, rounded; other data become float32 (``nearest``: unchanged).

    Args:
        height, width: in pixels.
        method: how pixels between pixels are made up.
        **options: see `Joker`.
    """

    stem = "resize"
    is_random = False

    def __init__(
        self, height: int, width: int, method: ResizeMethod = "bilinear", **options: Unpack[JokerOptions]
    ) -> None:
        super().__init__(**options)
        self.size = self.check.integer("height", height), self.check.integer("width", width)
        self.method = self.check.one_of("method", method, get_args(ResizeMethod))

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        image_shape(data, self)
        resized = tf.image.resize(data, self.size, self.method)
        return like(resized, data.dtype) if data.dtype.is_integer else resized
