"""Inner products: learnt, and of fixed weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.checks import Check
from akid.errors import BlockError
from akid.layers.options import LayerOptions
from akid.layers.synapse import SynapseLayer


class InnerProductLayer(SynapseLayer):
    """Every output is a weighted sum of all inputs; an image is flattened first.

    Args:
        **options: see `SynapseLayer`.

    Attributes:
        in_shape: of what it takes, without the batch, before it is flattened; once it is built.
    """

    stem = "ip"
    in_shape: tuple[int, ...] = ()

    def _setup(self, x: Signal) -> None:
        self.in_shape = tuple(x.shape[1:])
        size = x.shape[1:].num_elements()
        self._make([size, self.out_channel_num], [self.out_channel_num])

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if x.shape.rank != 2:
            x = tf.reshape(x, [-1, self.weights.shape[0]])
        return self._finish(tf.matmul(x, self.weights), trip)


class FixedWeightInnerProductLayer(InnerProductLayer):
    """An inner product whose weights are given and never learnt; it has no biases.

    Args:
        weights: a matrix ``[in, out]``.
        **options: see `ProcessingLayer`.
    """

    stem = "fixed_ip"

    def __init__(self, weights: Sequence[Sequence[float]] | np.ndarray, **options: Unpack[LayerOptions]) -> None:
        matrix = _matrix(weights)
        if matrix is None:
            expected = "a matrix [in, out] of finite numbers"
            raise Check(options.get("name") or self.stem, BlockError).wrong("weights", expected, weights)
        super().__init__(matrix.shape[1], {"name": "constant", "value": matrix}, None, **options)

    def _make(
        self,
        weight_shape: Sequence[int | None],
        bias_shape: Sequence[int | None],
        fans: tuple[int, int] | None = None,
    ) -> None:
        self.weights = self.variable("weights", weight_shape, self.init, trainable=False)
        self.biases = None


def _matrix(weights: object) -> np.ndarray | None:
    """The weights as float32 ``[in, out]``; None if they are something else."""
    try:
        matrix = np.asarray(weights)
    except ValueError:  # rows of different lengths
        return None
    is_matrix = matrix.ndim == 2 and matrix.size > 0 and matrix.dtype.kind in "iuf"
    return matrix.astype(np.float32) if is_matrix and np.isfinite(matrix).all() else None
