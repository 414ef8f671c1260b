"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import Any, Unpack

from akid.backend import tf
from akid.kongfus.base import KongFu, KongFuOptions, Scheme


class GradientDescentKongFu(KongFu):
    """``w -= lr * g``; also called ``SGDKongFu``.

    Args:
        lr_scheme, **options: see `KongFu`.
    """

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=lr, delta=gradient)

    def _update_rows(
        self, index: int, variable: tf.Variable, gradient: tf.IndexedSlices, lr: tf.Tensor, step: Any
    ) -> None:
        tf.raw_ops.ResourceScatterSub(
            resource=variable.handle, indices=gradient.indices, updates=lr * gradient.values
        )


#: The field's usual name.
SGDKongFu = GradientDescentKongFu


class MomentumKongFu(KongFu):
    """``m = momentum * m + g; w -= lr * m``, or with Nesterov's look-ahead ``w -= lr * (g + momentum * m)``.

    Args:
        lr_scheme: see `KongFu`.
        momentum: in [0, 1), how much of the last move is kept.
        use_nesterov: Sutskever et al., 2013, section 2.
        **options: see `KongFu`.
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        momentum: float = 0.9,
        use_nesterov: bool = False,
        **options: Unpack[KongFuOptions],
    ) -> None:
        super().__init__(lr_scheme, **options)
        self.momentum = self.check.number("momentum", momentum, least=0, below=1)
        self.use_nesterov = self.check.flag("use_nesterov", use_nesterov)

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=self.slot(index, "momentum").handle,
            lr=lr,
            grad=gradient,
            momentum=tf.constant(self.momentum, variable.dtype),
            use_nesterov=self.use_nesterov,
        )
