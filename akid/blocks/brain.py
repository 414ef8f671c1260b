"""Brain: a system of layers that learns; it gathers losses and evals and gives access by name."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypedDict

from akid.backend import tf
from akid.blocks.block import Block, ProcessingLayer, Signal
from akid.blocks.graph import GraphSystem
from akid.blocks.trip import Eval, Trip
from akid.blocks.wiring import checked_inputs
from akid.errors import BlockError


class BrainOptions(TypedDict, total=False):
    """What every brain takes by name, see `Brain`."""

    name: str | None
    inputs: Sequence[Mapping[str, Any] | str] | None
    time_steps: int
    dtype: str


class Brain(GraphSystem, ProcessingLayer):
    """The data processing engine of a Kid (paper, section 3.1.1): layers, or brains, wired by name.

    A brain is given ``[data, *labels]``; the first block takes the data, a loss layer its label by
    ``inputs=[..., {"name": "system_in", "idxs": [1]}]``. A brain is a layer too, so brains nest.

    Args:
        name: see `Block`.
        inputs: see `ProcessingLayer`; where a nested brain's signal comes from.
        time_steps: see `GraphSystem`.
        dtype: see `Block`.
    """

    stem = "brain"
    accepts: ClassVar[type[Block]] = ProcessingLayer

    def __init__(
        self,
        name: str | None = None,
        inputs: Sequence[Mapping[str, Any] | str] | None = None,
        *,
        time_steps: int = 1,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, time_steps=time_steps, dtype=dtype)
        self.inputs = checked_inputs(inputs, self.name)
        self._kept: Trip | None = None

    def setup(self, signal: Signal, trip: Trip | None = None) -> Signal:
        """Build, and make one eager trip that is kept for `loss`, `eval` and `data` (paper, section 3.1.1).

        Args:
            signal: ``[data, *labels]``, a batch.
            trip: the passage; a new one in inference mode that keeps every output if left out.

        Returns:
            What the last block gives.
        """
        self._kept = trip or Trip(keep=True)
        out = self(signal, self._kept)
        self.check_found(self._kept.made)
        return out

    def build(self, signature: Sequence[tf.TensorSpec], seed: int = 0) -> Trip:
        """Make the variables without running anything.

        Args:
            signature: of ``[data, *labels]``, the batch dimension None.
            seed: of the initial values.

        Returns:
            A passage that tells which losses and measures the brain notes; its tensors cannot be read.

        Raises:
            BlockError: something that can be learnt is nowhere to be found.
        """
        trip = Trip(seed=seed)
        # A bare graph: a tf.function in which variables are made would be traced twice.
        with tf.__internal__.FuncGraph("build").as_default():
            self([tf.compat.v1.placeholder(s.dtype, s.shape) for s in signature], trip)
        self.check_found(trip.made)
        return trip

    def trace(
        self, signature: Sequence[tf.TensorSpec], batch: int | None = None, trip: Trip | None = None
    ) -> tf.Graph:
        """Build a copy in a graph of its own; nothing runs, and TensorFlow's context is not started.

        Args:
            signature: see `build`.
            batch: rows of a batch, if the graph is to know them.
            trip: the passage, which afterwards tells what the brain notes; a new one if left out.
        """
        with tf.Graph().as_default() as graph:
            signal = [tf.compat.v1.placeholder(s.dtype, [batch, *s.shape[1:]]) for s in signature]
            copy.deepcopy(self)(signal, trip or Trip())
        return graph

    @property
    def loss(self) -> tf.Tensor:
        """Scalar, the total loss of the batch given to `setup`."""
        return self._last_trip("loss").total_loss

    @property
    def eval(self) -> dict[str, float]:
        """The measures of the batch given to `setup`, by full name."""
        return {n: value_of([e]) for n, e in self._last_trip("eval").evals.items()}

    @property
    def data(self) -> dict[str, Any]:
        """Every block's output for the batch given to `setup`, by full name."""
        return self._last_trip("data").data

    def _last_trip(self, what: str) -> Trip:
        if self._kept is None:
            raise BlockError(
                f"{self.name!r}.{what} is of the batch given to setup(); call brain.setup([data, labels]) first."
            )
        return self._kept

    def predict(self, data: Signal) -> dict[str, tf.Tensor]:
        """What the brain infers from data without labels.

        The blocks that can be reached without labels run; the result is what none of them consumes, by full
        name, and the probabilities of every loss layer that has some.

        Args:
            data: a batch, or a list if the brain takes several inputs.
        """
        trip = Trip(inferring=True)
        self([data] if not isinstance(data, (list, tuple)) else list(data), trip)
        return trip.outputs

    def summary(self) -> str:
        """A table: full name, type, output shape and parameters of every block."""
        rows = [("block", "type", "output", "parameters")]
        for name, block in self.named_blocks():
            shape = "?" if block.output_shape is None else _shape_text(block.output_shape)
            rows.append((name, type(block).__name__, shape, f"{block.num_parameters:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "-" * max(len(line) for line in lines))
        return "\n".join([*lines, lines[1], f"{self.num_parameters:,} parameters"])

    def options(self) -> dict[str, Any]:
        """What the brain's `repr` shows."""
        return {"blocks": len(self.blocks), "time_steps": self.time_steps}


def value_of(batches: Sequence[Eval]) -> float:
    """A measure over batches: the mean by weight, or ``finish`` of the gathered parts."""
    if batches[0].finish is not None:
        parts = zip(*(batch.parts for batch in batches), strict=True)
        return float(batches[0].finish(*(tf.concat(part, 0).numpy() for part in parts)))
    weights = [float(batch.weight) for batch in batches]
    total = sum(w * float(batch.value) for w, batch in zip(weights, batches, strict=True))
    return total / max(sum(weights), 1e-12)


def _shape_text(shape: Any) -> str:
    if isinstance(shape, list):
        return ", ".join(_shape_text(s) for s in shape)
    return "[" + ", ".join("?" if d is None else str(d) for d in shape) + "]"
