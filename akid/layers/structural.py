"""Structural layers: they change the shape of a signal, or put signals together and apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.checks import Check
from akid.errors import BlockError
from akid.layers.options import LayerOptions
from akid.layers.tensor import IMAGES, TensorLayer, check_signal


class ReshapeLayer(TensorLayer):
    """Gives every example another shape; the batch stays the first dimension, even if it is 1.

    Args:
        shape: of an example, without the batch; one dimension may be -1. None flattens.
        **options: see `ProcessingLayer`.
    """

    stem = "reshape"

    def __init__(self, shape: Sequence[int] | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.shape = None if shape is None else self.check.integers("shape", shape, least=-1)
        if 0 in (self.shape or ()) or (self.shape or ()).count(-1) > 1:
            expected = "a list of integers >= 1, at most one of them -1, without the batch"
            raise self.check.wrong("shape", expected, shape)

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
        **options: see `ProcessingLayer`.
    """

    stem = "flatten"

    def __init__(self, **options: Unpack[LayerOptions]) -> None:
        super().__init__(None, **options)


class PaddingLayer(TensorLayer):
    """Pads images ``[batch, height, width, channel]``, and examples of other ranks if all is spelled out.

    In a `akid.jokers.JokerSystem` it is `akid.jokers.PadJoker`.

    Args:
        padding: ``[rows above and below, columns left and right]``, or ``[before, after]`` for every dimension,
            the batch included: ``[[0, 0], [1, 2], [3, 4], [0, 0]]``.
        value: what to pad with.
        **options: see `ProcessingLayer`.
    """

    stem = "pad"

    def __init__(
        self,
        padding: Sequence[int] | Sequence[Sequence[int]] = (1, 1),
        value: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.padding = full_padding(padding, self.check)
        self.value = self.check.number("value", value)

    def _setup(self, x: Signal) -> None:
        rank = len(self.padding)
        check_signal(x, IMAGES if rank == 4 else {rank: f"of rank {rank}, as padding has entries"}, self.name)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return tf.pad(x, self.padding, constant_values=tf.cast(tf.constant(self.value, tf.float64), x.dtype))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"padding": self.padding, "value": self.value or None}


def full_padding(padding: Any, check: Check) -> tuple[tuple[int, int], ...]:
    """``(before, after)`` for every dimension, of a padding in any of its forms.

    Raises:
        BlockError: it has another form, or pads the batch.
    """
    entries = list(padding) if isinstance(padding, (list, tuple)) else []
    if len(entries) == 2 and all(type(n) is int and n >= 0 for n in entries):
        return (0, 0), (entries[0], entries[0]), (entries[1], entries[1]), (0, 0)
    pairs: list[tuple[Any, ...]] = [tuple(e) if isinstance(e, (list, tuple)) else () for e in entries]
    whole = all(len(p) == 2 and all(type(n) is int and n >= 0 for n in p) for p in pairs)
    if not whole or len(pairs) < 2 or pairs[0] != (0, 0):
        forms = "[rows, columns], or [before, after] for every dimension with [0, 0] for the batch, all >= 0"
        raise check.wrong("padding", forms, padding)
    return tuple((p[0], p[1]) for p in pairs)


class MergeLayer(ProcessingLayer):
    """The sum of several signals of one shape.

    Args:
        **options: see `ProcessingLayer`.
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
        **options: see `ProcessingLayer`.
    """

    stem = "concat"

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = self.check.integer("axis", axis, least=None)
        if axis == 0:
            raise self.check.wrong("axis", "an integer other than 0, the batch", axis)

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
        **options: see `ProcessingLayer`.
    """

    stem = "scatter"

    def __init__(self, scatter_len_list: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.scatter_len_list = self.check.integers("scatter_len_list", scatter_len_list)
        if not self.scatter_len_list:
            raise self.check.wrong("scatter_len_list", "a list of integers >= 1, not empty", scatter_len_list)

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
