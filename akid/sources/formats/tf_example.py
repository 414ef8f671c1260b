"""A feature of a serialised ``tf.train.Example``: what it is, and how a batch of it is decoded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from akid.backend import tf
from akid.checks import Check
from akid.errors import DataError, near_match
from akid.sources.formats.picture_header import size_in_header

_KEYS = ("dtype", "shape", "encoding")
_ENCODINGS = ("numbers", "raw", "image")
_KINDS = {"int64_list": "integers", "float_list": "floats", "bytes_list": "bytes"}


@dataclass(frozen=True)
class Feature:
    """A feature.

    Attributes:
        key: its name in the example.
        dtype: of the tensor it becomes.
        shape: of the tensor, without the batch.
        encoding: ``numbers``: a list of integers or floats, whichever ``dtype`` is; ``raw``: the bytes of the
            array, little endian, row by row; ``image``: a PNG, JPEG, GIF or BMP of this shape, dtype uint8.
    """

    key: str
    dtype: tf.DType
    shape: tuple[int, ...]
    encoding: str = "numbers"

    @classmethod
    def of(cls, key: str, features: Mapping[str, Mapping[str, Any]], owner: str) -> Feature:
        """The feature called ``key`` of a specification.

        Raises:
            DataError: there is none, or it is not specified well.
        """
        if key not in features:
            raise DataError(f"{owner}: features has no {key!r}. {near_match(key, features)}", argument="features")
        given, where = features[key], f"{owner}: features[{key!r}]"
        check = Check(where, DataError)
        if not isinstance(given, Mapping):
            raise Check(owner, DataError).wrong(
                f"features[{key!r}]", "a mapping such as {'dtype': 'int64'}", given
            )
        for name in given:
            if name not in _KEYS:
                raise DataError(f"{where} has no key {name!r}. {near_match(name, _KEYS)}")
        encoding = check.one_of("encoding", given.get("encoding", "numbers"), _ENCODINGS)
        shape = check.integers("shape", given.get("shape", ()))
        try:
            dtype = tf.as_dtype(given.get("dtype", "uint8" if encoding == "image" else "float32"))
        except TypeError:
            dtype = tf.string
        if not (dtype.is_integer or dtype.is_floating or dtype.is_bool):
            raise DataError(f"{where}: dtype must be that of numbers. Received: {given['dtype']!r}")
        if encoding == "image" and (dtype != tf.uint8 or len(shape) != 3 or shape[-1] not in (1, 3, 4)):
            raise DataError(
                f"{where}: an image is uint8 of shape [height, width, 1, 3 or 4]. Received: dtype={dtype.name!r},"
                f" shape={list(shape)!r}"
            )
        return cls(key, dtype, shape, encoding)

    @property
    def _kind(self) -> str:
        if self.encoding != "numbers":
            return "bytes_list"
        return "float_list" if self.dtype.is_floating else "int64_list"

    def parsed_as(self) -> Any:
        """What ``tf.io.parse_example`` is told."""
        kinds = {"bytes_list": tf.string, "float_list": tf.float32, "int64_list": tf.int64}
        shape = self.shape if self.encoding == "numbers" else ()
        return tf.io.FixedLenFeature(shape, kinds[self._kind])

    def decode(self, parsed: np.ndarray) -> np.ndarray:
        """``[batch, *shape]`` from what was parsed.

        Raises:
            ValueError, tf.errors.OpError: an example holds something else.
        """
        if self.encoding == "numbers":
            return parsed.astype(self.dtype.as_numpy_dtype)
        if self.encoding == "raw":
            size = math.prod(self.shape) * self.dtype.size
            if any(len(content) != size for content in parsed):
                raise ValueError(f"expected {size} bytes")
            return np.frombuffer(b"".join(parsed), self.dtype.as_numpy_dtype).reshape(-1, *self.shape)
        decode = partial(tf.raw_ops.DecodeImage, channels=self.shape[-1], expand_animations=False)
        pictures = [decode(contents=content).numpy() for content in parsed]
        if any(picture.shape != self.shape for picture in pictures):
            raise ValueError(f"expected pictures of shape {self.shape}")
        return np.stack(pictures)

    def check(self, example: Any, place: str) -> None:
        """Look at an example.

        Args:
            example: the message.
            place: where it stands.

        Raises:
            DataError: the feature is not in it, or is something else than specified.
        """
        there = example.features.feature
        if self.key not in there:
            raise DataError(f"{place} has no feature {self.key!r}. {near_match(self.key, there)}")
        kind = there[self.key].WhichOneof("kind")
        if kind != self._kind:
            raise DataError(
                f"{place}: the feature {self.key!r} holds {_KINDS.get(kind or '', 'nothing')}, but"
                f" encoding={self.encoding!r} and dtype={self.dtype.name!r} expect {_KINDS[self._kind]}."
            )
        values = getattr(there[self.key], self._kind).value
        found, unit = len(values), "numbers"
        expected = math.prod(self.shape) if self.encoding == "numbers" else 1
        if self.encoding == "raw" and found == 1:
            found, expected, unit = len(values[0]), math.prod(self.shape) * self.dtype.size, "bytes"
        if found != expected:
            raise DataError(
                f"{place}: the feature {self.key!r} holds {found} {unit}, but shape={list(self.shape)} and"
                f" dtype={self.dtype.name!r} make {expected}."
            )
        if self.encoding == "image" and size_in_header(values[0]) != self.shape[:2]:
            raise wrong_picture(place)


def wrong_picture(place: str) -> DataError:
    """What to say of an example whose picture is not as specified."""
    return DataError(f"{place} holds a picture that cannot be decoded, or of another size.")
