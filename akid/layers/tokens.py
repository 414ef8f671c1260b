"""Layers for sequences of tokens: a token of their own, their places, one of them."""

from __future__ import annotations

from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.initializers import Initializer
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.options import Init, LayerOptions
from akid.layers.tensor import SEQUENCES, TensorLayer


class ClassTokenLayer(TensorLayer):
    """Puts a learnt token before a sequence, whose end tells of the whole (Devlin et al., 2019).

    ``[batch, time, channel]`` becomes ``[batch, 1 + time, channel]``.

    Args:
        init_para: initialiser of the token, variable ``token``; see `SynapseLayer`.
        **options: see `ProcessingLayer`.
    """

    stem = "class_token"
    takes = SEQUENCES

    def __init__(self, init_para: Init = "zeros", **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.init = Initializer.of(init_para)

    def _setup(self, x: Signal) -> None:
        self.token = self.variable("token", [x.shape[-1]], self.init)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        first = tf.broadcast_to(self.token, [tf.shape(x)[0], 1, x.shape[-1]])
        return tf.concat([first, x], 1)


class PositionEmbeddingLayer(TensorLayer):
    """Adds a learnt vector for every place of a sequence (Gehring et al., 2017).

    Takes and gives ``[batch, time, channel]``, the time known.

    Args:
        init_para: initialiser of the vectors, variable ``weights``; see `SynapseLayer`.
        **options: see `ProcessingLayer`.
    """

    stem = "position"
    takes = SEQUENCES

    def __init__(self, init_para: Init = "truncated_normal", **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.init = Initializer.of(init_para)

    def _setup(self, x: Signal) -> None:
        self.weights = self.variable("weights", x.shape[1:], self.init)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return x + self.weights


class TokenLayer(TensorLayer):
    """One token of a sequence: ``[batch, time, channel]`` becomes ``[batch, channel]``.

    Args:
        index: of the token; -1 for the last.
        **options: see `ProcessingLayer`.
    """

    stem = "token"
    takes = SEQUENCES

    def __init__(self, index: int = 0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.index = self.check.integer("index", index, least=None)

    def _setup(self, x: Signal) -> None:
        length = x.shape[1]
        if length is not None and not -length <= self.index < length:
            raise BlockError(
                f"{self.name}: index={self.index} is no token of a sequence of {length}."
                f" Received: shape={tuple(x.shape)}"
            )

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        return x[:, self.index]

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"index": self.index}
