"""Recurrent layers: a state that is carried along a sequence."""

from __future__ import annotations

from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.initializers import Initializer
from akid.blocks.regularizers import Regularizer, note_decay
from akid.blocks.trip import Trip
from akid.layers.options import Decay, Init, LayerOptions
from akid.layers.tensor import SEQUENCES, TensorLayer


class RecurrentLayer(TensorLayer):
    """``h_t = tanh(W x_t + U h_(t-1) + b)`` (Elman, 1990); the state starts at 0.

    Takes ``[batch, time, channel]``. Variables: ``weights`` (W), ``recurrent_weights`` (U), ``biases``.

    Args:
        out_channel_num: size of the state.
        return_sequences: give the states of all time steps, ``[batch, time, state]``, not only the last one's,
            ``[batch, state]``.
        init_para: initialiser of the weights; see `SynapseLayer`.
        wd: weight decay of the weights; see `SynapseLayer`.
        **options: see `ProcessingLayer`.
    """

    stem = "recurrent"
    takes = SEQUENCES
    #: How many functions of ``W x_t`` a step needs.
    gates = 1

    def __init__(
        self,
        out_channel_num: int = 32,
        return_sequences: bool = False,
        init_para: Init = "xavier",
        wd: Decay = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.out_channel_num = self.check.integer("out_channel_num", out_channel_num)
        self.return_sequences = self.check.flag("return_sequences", return_sequences)
        self.init = Initializer.of(init_para)
        self.wd = Regularizer.of(wd)

    def _setup(self, x: Signal) -> None:
        size = self.gates * self.out_channel_num
        self.weights = self.variable("weights", [x.shape[-1], size], self.init)
        self.recurrent_weights = self.variable("recurrent_weights", [self.out_channel_num, size], self.init)
        self.biases = self.variable("biases", [size])

    def _step(self, driven: tf.Tensor, state: tf.Tensor, recurrent: tf.Tensor) -> tf.Tensor:
        """The next state.

        Args:
            driven: ``W x_t + b``, ``[batch, gates * state]``.
            state: the last one, ``[batch, state]``.
            recurrent: U.
        """
        return tf.tanh(driven + tf.matmul(state, recurrent))

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        note_decay(trip, self.wd, self.weights, self.recurrent_weights)
        # All that does not depend on the state is computed for all time steps at once.
        driven = tf.transpose(tf.tensordot(x, self.weights, 1) + self.biases, [1, 0, 2])
        start = tf.zeros([tf.shape(x)[0], self.out_channel_num], driven.dtype)
        states = self._run(driven, start)
        if not self.return_sequences:
            return tf.ensure_shape(states, [x.shape[0], self.out_channel_num])
        return tf.ensure_shape(tf.transpose(states, [1, 0, 2]), [*x.shape[:2], self.out_channel_num])

    def _run(self, driven: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        """The last state, or all of them with time first."""
        steps = tf.shape(driven)[0]
        recurrent = tf.convert_to_tensor(self.recurrent_weights)
        kept = tf.TensorArray(start.dtype, steps if self.return_sequences else 0, element_shape=start.shape)

        def body(t: tf.Tensor, state: tf.Tensor, kept: tf.TensorArray) -> tuple[tf.Tensor | tf.TensorArray, ...]:
            state = self._step(driven[t], state, recurrent)
            return t + 1, state, kept.write(t, state) if self.return_sequences else kept

        _, last, kept = tf.while_loop(lambda t, *_: t < steps, body, (0, start, kept))
        return kept.stack() if self.return_sequences else last

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {
            "out_channel_num": self.out_channel_num,
            "return_sequences": self.return_sequences or None,
            "wd": self.wd,
        }


class GRULayer(RecurrentLayer):
    """Gated recurrent units (Cho et al., 2014, equations 5 to 8).

    ``r, z = sigmoid(W x_t + U h + b)``, ``n = tanh(W_n x_t + U_n (r * h) + b_n)``, ``h_t = z * h + (1 - z) * n``.
    The columns of the weights are those of r, z and n, in this order.

    Args:
        out_channel_num, return_sequences, init_para, wd, **options: see `RecurrentLayer`.
    """

    stem = "gru"
    gates = 3

    def _step(self, driven: tf.Tensor, state: tf.Tensor, recurrent: tf.Tensor) -> tf.Tensor:
        two = 2 * self.out_channel_num
        gates = tf.sigmoid(driven[:, :two] + tf.matmul(state, recurrent[:, :two]))
        reset, update = tf.split(gates, 2, -1)
        new = tf.tanh(driven[:, two:] + tf.matmul(reset * state, recurrent[:, two:]))
        return update * state + (1.0 - update) * new
