"""What a line of the conformance table is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from akid.backend import tf
from akid.blocks import Block
from akid.blocks.trip import Trip

#: The batch, in the shapes a block gives.
B = None


@dataclass(frozen=True)
class Spec:
    """One input: shape without the batch, and what is in it."""

    shape: tuple[int, ...]
    below: int | None = None

    def draw(self, batch: int, seed: int) -> np.ndarray:
        """An example: whole numbers below ``below`` if it is given, else normal numbers."""
        rng = np.random.default_rng(seed)
        if self.below is not None:
            return rng.integers(0, self.below, (batch, *self.shape)).astype(np.int32)
        return rng.normal(size=(batch, *self.shape)).astype(np.float32)


def floats(*shape: int) -> Spec:
    """An input of normal numbers."""
    return Spec(shape)


def ints(*shape: int, below: int) -> Spec:
    """An input of whole numbers, such as labels."""
    return Spec(shape, below)


#: What most blocks of their kind are given.
IMAGE = floats(6, 6, 4)
VECTOR = floats(8)
SEQUENCE = floats(5, 4)

#: Random in training; its draws depend on (seed, step, name, row) only.
RANDOM = "random"
#: The output in training is of another kind than in inference (batch statistics).
BATCH = "batch"
#: No gradient check: not differentiable, or it cannot run in float64.
NO_GRADIENT = "no gradient"


@dataclass(frozen=True)
class Row:
    """A block and what it must do."""

    make: Callable[..., Block]
    takes: tuple[Spec, ...]
    gives: Any
    variables: dict[str, tuple[int, ...]]
    flags: frozenset[str]
    options: dict[str, Any]
    id: str

    def block(self, **options: Any) -> Block:
        """A new block."""
        return self.make(**self.options, **options)

    def signal(self, batch: int = 4, dtype: tf.DType | None = None) -> Any:
        """An example of its input; floats as ``dtype`` if given."""
        arrays = [tf.constant(spec.draw(batch, seed)) for seed, spec in enumerate(self.takes)]
        if dtype is not None:
            arrays = [tf.cast(a, dtype) if a.dtype.is_floating else a for a in arrays]
        return arrays if len(arrays) > 1 else arrays[0]

    def built(self, trip: Trip | None = None, **options: Any) -> Block:
        """A block that has seen a signal."""
        block = self.block(**options)
        dtype = tf.as_dtype(options["dtype"]) if "dtype" in options else None
        block(self.signal(dtype=dtype), trip)
        return block

    def shape(self, batch: int) -> Any:
        """The shape of its output; a list for several."""

        def filled(shape: Sequence[int | None]) -> tuple[int, ...]:
            return tuple(batch if n is None else n for n in shape)

        return [filled(s) for s in self.gives] if isinstance(self.gives, list) else filled(self.gives)


def row(
    make: Callable[..., Block],
    *takes: Spec,
    gives: Any,
    variables: dict[str, tuple[int, ...]] | None = None,
    flags: Sequence[str] = (),
    id: str = "",
    **options: Any,
) -> Row:
    """A line of the table.

    Args:
        make: a block class, or a function that takes ``name`` and ``dtype`` too.
        takes: `floats` or `ints` for every input.
        gives: the shape of the output, ``B`` for the batch; a list of shapes for several outputs.
        variables: the shape of every variable by its name in the block.
        flags: of the constants above.
        id: shown after the name of the block, if it has several lines.
        **options: arguments of the block.
    """
    label = make.__name__ + (f"-{id}" if id else "")
    return Row(make, takes, gives, variables or {}, frozenset(flags), options, label)
