"""Optimisers that scale every element's step by the size of its gradients: Adagrad and RMSProp."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from akid.backend import tf
from akid.kongfus.base import KongFu, KongFuOptions, Scheme


class AdagradKongFu(KongFu):
    """``a += g^2; w -= lr * g / (sqrt(a) + epsilon)`` (Duchi et al., 2011).

    Args:
        lr_scheme: see `KongFu`.
        initial_accumulator_value: >= 0, what ``a`` starts with.
        epsilon: >= 0; together with the former it must keep the first division finite.
        **options: see `KongFu`.
    """

    slot_names = ("accumulator",)

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[KongFuOptions],
    ) -> None:
        super().__init__(lr_scheme, **options)
        start = self.check.number("initial_accumulator_value", initial_accumulator_value, least=0)
        self.initial_accumulator_value = start
        # With both zero, an element without a gradient would become 0 / 0.
        self.epsilon = self.check.number("epsilon", epsilon, **({"least": 0} if start else {"above": 0}))

    def slot_start(self, slot: str) -> float:
        """The accumulator's."""
        return self.initial_accumulator_value

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        tf.raw_ops.ResourceApplyAdagradV2(
            var=variable.handle,
            accum=self.slot(index, "accumulator").handle,
            lr=lr,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=gradient,
        )

    def _update_rows(
        self, index: int, variable: tf.Variable, gradient: tf.IndexedSlices, lr: tf.Tensor, step: Any
    ) -> None:
        tf.raw_ops.ResourceSparseApplyAdagradV2(
            var=variable.handle,
            accum=self.slot(index, "accumulator").handle,
            lr=lr,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=gradient.values,
            indices=gradient.indices,
        )


class RMSPropKongFu(KongFu):
    """``s = rho * s + (1 - rho) * g^2; m = momentum * m + lr * g / sqrt(s + epsilon); w -= m``.

    Tieleman & Hinton, 2012; with ``centered``, ``s`` less the square of the gradient's mean (Graves, 2013,
    equations 38-45). Rounding can make that difference negative where gradients are alike: it is 0 then.

    Args:
        lr_scheme: see `KongFu`; 0.001 if left out.
        rho: in [0, 1), how much of the mean square is kept.
        momentum: in [0, 1), how much of the last move is kept.
        epsilon: > 0.
        centered: divide by the standard deviation of the gradient.
        **options: see `KongFu`.
    """

    slot_names = ("mean_square", "momentum")
    default_lr: ClassVar[float] = 0.001

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[KongFuOptions],
    ) -> None:
        super().__init__(lr_scheme, **options)
        self.rho = self.check.number("rho", rho, least=0, below=1)
        self.momentum = self.check.number("momentum", momentum, least=0, below=1)
        self.epsilon = self.check.number("epsilon", epsilon, above=0)
        self.centered = self.check.flag("centered", centered)
        if centered:
            self.slot_names = (*self.slot_names, "mean_gradient")

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        if self.centered:
            self._update_centered(index, variable, gradient, lr)
            return
        dtype = variable.dtype
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=self.slot(index, "mean_square").handle,
            mom=self.slot(index, "momentum").handle,
            lr=lr,
            rho=tf.constant(self.rho, dtype),
            momentum=tf.constant(self.momentum, dtype),
            epsilon=tf.constant(self.epsilon, dtype),
            grad=gradient,
        )

    def _update_centered(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor) -> None:
        """Not by TensorFlow's op, which takes the root of a difference that rounding makes negative."""
        square = self.drawn(index, "mean_square", tf.square(gradient), self.rho)
        mean = self.drawn(index, "mean_gradient", gradient, self.rho)
        variance = tf.maximum(square - tf.square(mean), tf.constant(0.0, variable.dtype))
        move = lr * gradient * tf.math.rsqrt(variance + tf.constant(self.epsilon, variable.dtype))
        last = self.slot(index, "momentum")
        move += tf.constant(self.momentum, variable.dtype) * last.value()
        tf.raw_ops.AssignVariableOp(resource=last.handle, value=move)
        tf.raw_ops.AssignSubVariableOp(resource=variable.handle, value=move)
