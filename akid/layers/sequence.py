"""Layers for sequences: embedding, self-attention."""

from __future__ import annotations

import math
from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.initializers import Initializer
from akid.blocks.regularizers import Regularizer, note_decay
from akid.blocks.trip import Trip
from akid.checks import optional
from akid.errors import BlockError
from akid.layers.options import Decay, Init, LayerOptions
from akid.layers.tensor import SEQUENCES, TensorLayer


class EmbeddingLayer(TensorLayer):
    """A learnt vector for every number ``0 .. num_embeddings - 1``.

    Takes whole numbers ``[batch, ...]`` of any dtype, gives ``[batch, ..., embedding_dim]``. Numbers out of
    range are an error on a CPU (in eager code a BlockError, in training a DataError) and give zeros on a GPU, as
    ``tf.gather`` does.

    Args:
        num_embeddings: how many numbers there are.
        embedding_dim: length of a vector.
        init_para: initialiser of the table, variable ``weights``; see `SynapseLayer`.
        wd: weight decay of the table; see `SynapseLayer`.
        **options: see `ProcessingLayer`.
    """

    stem = "embedding"

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        init_para: Init = "truncated_normal",
        wd: Decay = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.num_embeddings = self.check.integer("num_embeddings", num_embeddings)
        self.embedding_dim = self.check.integer("embedding_dim", embedding_dim)
        self.init = Initializer.of(init_para)
        self.wd = Regularizer.of(wd)

    def _setup(self, x: Signal) -> None:
        self.weights = self.variable("weights", [self.num_embeddings, self.embedding_dim], self.init)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        note_decay(trip, self.wd, self.weights)
        return tf.gather(self.weights, x if x.dtype in (tf.int32, tf.int64) else tf.cast(x, tf.int32))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"num_embeddings": self.num_embeddings, "embedding_dim": self.embedding_dim, "wd": self.wd}


class SelfAttentionLayer(TensorLayer):
    """Every time step looks at every other (Vaswani et al., 2017, section 3.2.2).

    Takes and gives ``[batch, time, channel]``. ``softmax(q k' / sqrt(size)) v`` in ``head_num`` heads, each of
    ``channels / head_num``; q, k, v and the output are inner products with biases: variables
    ``query/weights``, ``query/biases``, ``key/...``, ``value/...``, ``out/...``.

    Args:
        head_num: how many heads; the channels must be a multiple of it.
        causal: a time step does not look at later ones.
        out_channel_num: channels of the output; those of the input if left out.
        init_para: initialiser of the weights; see `SynapseLayer`.
        wd: weight decay of the weights; see `SynapseLayer`.
        **options: see `ProcessingLayer`.
    """

    stem = "attention"
    takes = SEQUENCES

    def __init__(
        self,
        head_num: int = 1,
        causal: bool = False,
        out_channel_num: int | None = None,
        init_para: Init = "xavier",
        wd: Decay = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.head_num = self.check.integer("head_num", head_num)
        self.causal = self.check.flag("causal", causal)
        self.out_channel_num = optional(self.check.integer, "out_channel_num", out_channel_num)
        self.init = Initializer.of(init_para)
        self.wd = Regularizer.of(wd)

    def _setup(self, x: Signal) -> None:
        channels = x.shape[-1]
        if channels is None or channels % self.head_num:
            raise BlockError(
                f"{self.name}: the channels must be a multiple of head_num={self.head_num}."
                f" Received: shape={tuple(x.shape)}"
            )
        for part in ("query", "key", "value", "out"):
            size = (self.out_channel_num or channels) if part == "out" else channels
            self.variable(f"{part}/weights", [channels, size], self.init)
            self.variable(f"{part}/biases", [size])

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        weights = [v for n, v in self.own_variables.items() if n.endswith("weights")]
        note_decay(trip, self.wd, *weights)
        query, key, value = (self._heads(self._linear(x, part)) for part in ("query", "key", "value"))
        scores = tf.matmul(query, key, transpose_b=True) / math.sqrt(x.shape[-1] // self.head_num)
        if self.causal:
            seen = tf.linalg.band_part(tf.ones_like(scores[0, 0], tf.bool), -1, 0)
            scores = tf.where(seen, scores, tf.constant(scores.dtype.min, scores.dtype))
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
        out = self._linear(tf.reshape(mixed, tf.shape(x)), "out")
        return tf.ensure_shape(out, [*x.shape[:2], out.shape[-1]])

    def _linear(self, x: tf.Tensor, part: str) -> tf.Tensor:
        weights, biases = self.own_variables[f"{part}/weights"], self.own_variables[f"{part}/biases"]
        return tf.tensordot(x, weights, 1) + biases

    def _heads(self, x: tf.Tensor) -> tf.Tensor:
        """``[batch, time, channel]`` as ``[batch, head, time, size]``."""
        shape = tf.shape(x)
        apart = tf.reshape(x, [shape[0], shape[1], self.head_num, x.shape[-1] // self.head_num])
        return tf.transpose(apart, [0, 2, 1, 3])

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"head_num": self.head_num, "causal": self.causal or None, "wd": self.wd}
