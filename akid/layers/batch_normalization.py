"""Batch normalisation, over the fused kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.checks import optional
from akid.errors import BlockError
from akid.layers.options import LayerOptions
from akid.layers.tensor import IMAGES, SEQUENCES, VECTORS, VOLUMES, TensorLayer


class BatchNormalizationLayer(TensorLayer):
    """Every channel minus its mean, by its standard deviation, times gamma, plus beta (Ioffe and Szegedy, 2015).

    In training the statistics are the batch's; else the running ones, ``running_mean`` and
    ``running_variance`` (that of a sample, n - 1), which move only where the trip is updating.

    Args:
        beta_init: start of ``beta``; None for none.
        gamma_init: start of ``gamma``; None for none.
        fix_gamma: gamma is not learnt.
        share_gamma: one gamma for all channels.
        eps: added to the variance.
        momentum: the weight of a new batch in the running statistics; None for the mean of all batches so far.
        sync: with several replicas the statistics are those of the global batch, at the price of an exchange a
            step; by default each replica's own rows count, as everywhere in the field.
        **options: see `ProcessingLayer`.
    """

    stem = "bn"
    takes = VECTORS | SEQUENCES | IMAGES | VOLUMES

    def __init__(
        self,
        beta_init: float | None = 0.0,
        gamma_init: float | None = 1.0,
        fix_gamma: bool = False,
        share_gamma: bool = False,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        sync: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        check = self.check
        self.beta_init = optional(check.number, "beta_init", beta_init)
        self.gamma_init = optional(check.number, "gamma_init", gamma_init)
        self.fix_gamma, self.share_gamma = (
            check.flag("fix_gamma", fix_gamma),
            check.flag("share_gamma", share_gamma),
        )
        self.sync = check.flag("sync", sync)
        self.eps = check.number("eps", eps, above=0)
        self.momentum = optional(check.number, "momentum", momentum, least=0, most=1)
        if gamma_init is None and (fix_gamma or share_gamma):
            raise BlockError(
                f"{self.name}: without a gamma (gamma_init=None) it cannot be fixed or shared."
                f" Received: fix_gamma={fix_gamma}, share_gamma={share_gamma}"
            )

    def _setup(self, x: Signal) -> None:
        channels = [x.shape[-1]]
        self.beta = self.gamma = self.count = None
        if self.beta_init is not None:
            self.beta = self.variable("beta", channels, _constant(self.beta_init))
        if self.gamma_init is not None:
            shape = [1] if self.share_gamma else channels
            self.gamma = self.variable("gamma", shape, _constant(self.gamma_init), trainable=not self.fix_gamma)
        self.running_mean = self.variable("running_mean", channels, trainable=False, merge="mean")
        self.running_variance = self.variable("running_variance", channels, "ones", trainable=False, merge="mean")
        if self.momentum is None:
            self.count = self.variable("count", [], trainable=False, merge="first")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        like = self.running_mean
        beta = tf.zeros_like(like) if self.beta is None else self.beta
        gamma = tf.ones_like(like) if self.gamma is None else tf.broadcast_to(self.gamma, like.shape)
        normalize = _plain if x.dtype == tf.float64 else _fused
        if not trip.training:
            return normalize(x, gamma, beta, self.eps, self.running_mean, self.running_variance)[0]
        replicas = tf.distribute.get_replica_context()
        if self.sync and replicas is not None and replicas.num_replicas_in_sync > 1:
            out, mean, variance = _synchronised(x, gamma, beta, self.eps, replicas)
        else:
            out, mean, variance = normalize(x, gamma, beta, self.eps, None, None)
        if trip.updating:
            self._move(mean, variance)
        return out

    def _move(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Bring the running statistics nearer to those of a batch."""
        weight = self.momentum
        if self.count is not None:
            weight = 1.0 / self.count.assign_add(1.0)
        for running, new in ((self.running_mean, mean), (self.running_variance, variance)):
            running.assign_add((new - running) * weight)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {
            "beta_init": self.beta_init,
            "gamma_init": self.gamma_init,
            "fix_gamma": self.fix_gamma or None,
            "share_gamma": self.share_gamma or None,
            "momentum": self.momentum,
            "sync": self.sync or None,
        }


def _constant(value: float) -> dict[str, Any]:
    return {"name": "constant", "value": value}


def _fused(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, eps: float, mean: tf.Tensor | None, variance: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The output and the batch's mean and variance (n - 1); given statistics are used instead of the batch's."""
    training = mean is None
    image = x if x.shape.rank == 4 else tf.reshape(x, [-1, 1, 1, x.shape[-1]])
    nothing = tf.constant([], gamma.dtype)
    out, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=image,
        scale=gamma,
        offset=beta,
        mean=nothing if training else mean,
        variance=nothing if training else variance,
        epsilon=eps,
        is_training=training,
    )
    return (out if x.shape.rank == 4 else tf.reshape(out, tf.shape(x))), batch_mean, batch_variance


def _plain(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, eps: float, mean: tf.Tensor | None, variance: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The same in elementary operations, for float64, which the fused kernel does not know."""
    sample = variance
    if mean is None:
        mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
        size = tf.cast(tf.size(x) // x.shape[-1], x.dtype)
        sample = variance * size / tf.maximum(size - 1.0, 1.0)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps), mean, sample


def _synchronised(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, eps: float, replicas: tf.distribute.ReplicaContext
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The same over the rows of all replicas, which may have different numbers of them."""
    axes = list(range(x.shape.rank - 1))
    count = tf.cast(tf.size(x) // x.shape[-1], x.dtype)
    count, total = _all(replicas, count, tf.reduce_sum(x, axes))
    mean = total / count
    (squares,) = _all(replicas, tf.reduce_sum(tf.math.squared_difference(x, mean), axes))
    variance = squares / count
    out = tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps)
    return out, mean, squares / tf.maximum(count - 1.0, 1.0)


def _all(replicas: tf.distribute.ReplicaContext, *values: tf.Tensor) -> Sequence[tf.Tensor]:
    """Sums over the replicas."""
    return replicas.all_reduce(tf.distribute.ReduceOp.SUM, list(values))
