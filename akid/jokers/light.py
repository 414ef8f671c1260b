"""Jokers that change the values of pixels: light, whiten, rescale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.jokers.base import Joker, JokerOptions, image_shape, like, rows_of


class LightJoker(Joker):
    """Changes contrast, then brightness, by a random amount for each image.

    Contrast: the distance of each pixel from its channel's mean is multiplied by a factor. Brightness: a number is
    added, a share of the range of the data, which is 1 for floats and 255 for bytes (so give the source
    ``scale=True``). Bytes stay bytes, clipped; floats are not clipped.

    Args:
        contrast: ``[lowest, highest]`` factor; True is [0.2, 1.8], False leaves contrast as it is.
        brightness: ``[lowest, highest]`` share; True is [-0.25, 0.25], False leaves brightness as it is.
        **options: see `Joker`.
    """

    stem = "light"

    def __init__(
        self,
        contrast: bool | Sequence[float] = True,
        brightness: bool | Sequence[float] = True,
        **options: Unpack[JokerOptions],
    ) -> None:
        super().__init__(**options)
        self.contrast = self._range("contrast", contrast, (0.2, 1.8))
        self.brightness = self._range("brightness", brightness, (-0.25, 0.25))

    def _range(
        self, name: str, given: bool | Sequence[float], default: tuple[float, float]
    ) -> tuple[float, float] | None:
        if isinstance(given, bool):
            return default if given else None
        low_high = tuple(given) if isinstance(given, (list, tuple)) else ()
        if len(low_high) != 2:
            raise self.check.wrong(name, "True, False or [lowest, highest]", given)
        low = self.check.number(f"{name}[0]", low_high[0])
        return low, self.check.number(f"{name}[1]", low_high[1], least=low)

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        image_shape(data, self)
        draws = trip.random([rows_of(data), 2])[:, :, None, None, None]
        lit = tf.cast(data, tf.float32)
        shift = None
        if self.brightness is not None:
            extent = data.dtype.max if data.dtype.is_integer else 1.0
            shift = _between(self.brightness, draws[:, 1]) * extent
        if self.contrast is not None:
            mean = tf.reduce_mean(lit, [1, 2], keepdims=True)
            lit = (lit - mean) * _between(self.contrast, draws[:, 0])
            # Small tensors first, as a graph would reorder it anyway: so eager code has the same bits.
            shift = mean if shift is None else mean + shift
        return like(lit if shift is None else lit + shift, data.dtype)


def _between(low_high: tuple[float, float], draw: tf.Tensor) -> tf.Tensor:
    low, high = low_high
    return low + (high - low) * draw


class WhitenJoker(Joker):
    """Gives each image mean 0 and variance 1: ``(x - mean) / max(deviation, 1 / sqrt(numbers))``, float32.

    The lower bound of the deviation is for images of one colour.

    Args:
        **options: see `Joker`.
    """

    stem = "whiten"
    is_random = False

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        height, width, channels = image_shape(data, self)
        data = tf.cast(data, tf.float32)
        far = data - tf.reduce_mean(data, [1, 2, 3], keepdims=True)
        deviation = tf.sqrt(tf.reduce_mean(tf.square(far), [1, 2, 3], keepdims=True))
        return far / tf.maximum(deviation, (height * width * channels) ** -0.5)


class RescaleJoker(Joker):
    """Divides each image by its largest absolute value, float32; an image of zeros stays as it is.

    Args:
        **options: see `Joker`.
    """

    stem = "rescale"
    is_random = False

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        image_shape(data, self)
        data = tf.cast(data, tf.float32)
        return tf.math.divide_no_nan(data, tf.reduce_max(tf.abs(data), [1, 2, 3], keepdims=True))
