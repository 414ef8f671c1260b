"""Structural layers: they change the shape of a signal, or put signals together and apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from akid.arguments import Inputs
from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.tensor import IMAGES, TensorLayer, check_signal


class ReshapeLayer(TensorLayer):
    """Gives every example another shape; the batch stays the first dimension, even if it is 1.

    Args:
        shape: of an example, without the batch; one dimension may be -1. None flattens.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "reshape"

    def __init__(
        self,
        shape: Sequence[int] | None = None,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.shape = None if shape is None else tuple(shape)
        whole = all(type(n) is int and (n > 0 or n == -1) for n in self.shape or ())
        if not whole or (self.shape or ()).count(-1) > 1:
            raise BlockError(
                f"{self.name}: shape must be a list of integers >= 1, at most one of them -1, without the batch."
                f" Received: shape={shape!r}"
            )

    def _setup(self, x: Signal) -> None:
        size = x.shape[1:].num_elements()
        if size is None or self.shape is None:
            return
        known = math.prod(n for n in self.shape if n != -1)
        if size % known if -1 in self.shape else size != known:
            raise BlockError(
                f"{self.name}: an example of {size} numbers cannot have the shape {list(self.shape)}."
                f" Received: shape={tuple(x.shape)}"
            )

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        size = x.shape[1:].num_elements()
        target = list(self.shape or (-1,))
        if -1 in target and size is not None:
            # So that the static shape is known to what follows.
            target[target.index(-1)] = size // math.prod(n for n in target if n != -1)
        out = tf.reshape(x, [tf.shape(x)[0], *target])
        out.set_shape([x.shape[0], *(None if n == -1 else n for n in target)])
        return out

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"shape": self.shape}


class FlattenLayer(ReshapeLayer):
    """``[batch, ...]`` becomes ``[batch, channel]``.

    Args:
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "flatten"

    def __init__(self, name: str | None = None, inputs: Inputs = None, *, dtype: str = "float32") -> None:
        super().__init__(None, name, inputs, dtype=dtype)


class PaddingLayer(TensorLayer):
    """Pads images ``[batch, height, width, channel]``, and examples of other ranks if all is spelled out.

    In a `akid.jokers.JokerSystem` it is `akid.jokers.PadJoker`.

    Args:
        padding: ``[rows above and below, columns left and right]``, or ``[before, after]`` for every dimension,
            the batch included: ``[[0, 0], [1, 2], [3, 4], [0, 0]]``.
        value: what to pad with.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "pad"

    def __init__(
        self,
        padding: Sequence[int] | Sequence[Sequence[int]] = (1, 1),
        value: float = 0.0,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.padding = full_padding(padding, f"{self.name}: padding")
        self.value = value

    def _setup(self, x: Signal) -> None:
        rank = len(self.padding)
        check_signal(x, IMAGES if rank == 4 else {rank: f"of rank {rank}, as padding has entries"}, self.name)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.pad(x, self.padding, constant_values=tf.cast(self.value, x.dtype))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"padding": self.padding, "value": self.value or None}


def full_padding(padding: Any, where: str) -> tuple[tuple[int, int], ...]:
    """``(before, after)`` for every dimension, of a padding in any of its forms.

    Raises:
        BlockError: it has another form, or pads the batch.
    """
    entries = list(padding)
    if len(entries) == 2 and all(type(n) is int and n >= 0 for n in entries):
        return (0, 0), (entries[0], entries[0]), (entries[1], entries[1]), (0, 0)
    pairs: list[tuple[Any, ...]] = [tuple(e) if isinstance(e, (list, tuple)) else () for e in entries]
    whole = all(len(p) == 2 and all(type(n) is int and n >= 0 for n in p) for p in pairs)
    if not whole or len(pairs) < 2 or pairs[0] != (0, 0):
        raise BlockError(
            f"{where} must be [rows, columns], or [before, after] for every dimension with [0, 0] for the batch,"
            f" all >= 0. Received: {padding!r}"
        )
    return tuple((p[0], p[1]) for p in pairs)


class MergeLayer(ProcessingLayer):
    """The sum of several signals of one shape.

    Args:
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "merge"
    #: A feedback edge into it starts as zeros of its other inputs' shape.
    equal_shapes = True

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        signals = list(x) if isinstance(x, list) else [x]
        for signal in signals[1:]:
            if not signal.shape.is_compatible_with(signals[0].shape):
                shapes = [tuple(s.shape) for s in signals]
                raise BlockError(f"{self.name}: all signals must have one shape. Received: shapes={shapes}")
        return tf.add_n(signals) if len(signals) > 1 else signals[0]


class ConcatLayer(ProcessingLayer):
    """Several signals put together along a dimension.

    Args:
        axis: the dimension; not 0, the batch.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "concat"

    def __init__(
        self,
        axis: int = -1,
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        if type(axis) is not int or axis == 0:
            raise BlockError(f"{self.name}: axis must be an integer other than 0, the batch. Received: {axis!r}")
        self.axis = axis

    def _setup(self, x: Signal) -> None:
        shapes = [s.shape.as_list() for s in (x if isinstance(x, list) else [x])]
        rank = len(shapes[0])
        inside = 0 < self.axis < rank or -rank < self.axis < 0
        others = [[n for i, n in enumerate(shape) if i != self.axis % rank] for shape in shapes]
        equal = all(tf.TensorShape(o).is_compatible_with(others[0]) for o in others)
        if not inside or not equal:
            problem = "may differ in this dimension only" if inside else "have no such dimension"
            raise BlockError(
                f"{self.name}: axis={self.axis}: the signals {problem}."
                f" Received: shapes={[tuple(shape) for shape in shapes]}"
            )

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.concat(x, self.axis) if isinstance(x, list) else x

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"axis": self.axis}


class ScatterLayer(TensorLayer):
    """Divides the last dimension: gives a list with so many channels each.

    Args:
        scatter_len_list: the channels of each output; what is left over is dropped.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "scatter"

    def __init__(
        self,
        scatter_len_list: Sequence[int],
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.scatter_len_list = tuple(scatter_len_list)
        if not self.scatter_len_list or not all(type(n) is int and n > 0 for n in self.scatter_len_list):
            raise BlockError(
                f"{self.name}: scatter_len_list must be a list of integers >= 1. Received: {scatter_len_list!r}"
            )

    def _setup(self, x: Signal) -> None:
        if x.shape[-1] is None or sum(self.scatter_len_list) > x.shape[-1]:
            raise BlockError(
                f"{self.name}: scatter_len_list={list(self.scatter_len_list)} needs"
                f" {sum(self.scatter_len_list)} channels. Received: shape={tuple(x.shape)}"
            )

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        rest = x.shape[-1] - sum(self.scatter_len_list)
        parts = tf.split(x, [*self.scatter_len_list, *([rest] if rest else [])], -1)
        return parts[: len(self.scatter_len_list)]

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"scatter_len_list": self.scatter_len_list}
