"""Adam and its relatives: AdamW and LAMB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

from akid.backend import tf
from akid.errors import AkidError, near_match
from akid.kongfus.base import KongFu, KongFuOptions, Scheme


class AdamOptions(KongFuOptions, total=False):
    """See `AdamKongFu`."""

    beta1: float
    beta2: float
    epsilon: float | None


class AdamKongFu(KongFu):
    """``m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= lr_s m / (sqrt(v) + epsilon)``.

    ``lr_s = lr sqrt(1 - beta2^s) / (1 - beta1^s)`` at update ``s = step + 1``: the efficient order of Kingma & Ba,
    2015, end of section 2, whose epsilon is the "epsilon hat". The powers are computed from the step.

    Args:
        lr_scheme: see `KongFu`; 0.001 if left out.
        beta1: in [0, 1), how much of the mean gradient is kept.
        beta2: in [0, 1), how much of the mean square is kept.
        epsilon: > 0; `default_epsilon` if left out.
        **options: see `KongFu`.
    """

    slot_names = ("m", "v")
    default_lr: ClassVar[float] = 0.001
    default_epsilon: ClassVar[float] = 1e-8

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float | None = None,
        **options: Unpack[KongFuOptions],
    ) -> None:
        super().__init__(lr_scheme, **options)
        self.beta1 = self.check.number("beta1", beta1, least=0, below=1)
        self.beta2 = self.check.number("beta2", beta2, least=0, below=1)
        self.epsilon = self.check.number("epsilon", self.default_epsilon if epsilon is None else epsilon, above=0)

    def _clock(self, step: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """``(beta1^s, beta2^s)``, float64 scalars."""
        update = tf.cast(step, tf.float64) + 1.0
        return tuple(tf.pow(tf.constant(beta, tf.float64), update) for beta in (self.beta1, self.beta2))

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        dtype = variable.dtype
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self.slot(index, "m").handle,
            v=self.slot(index, "v").handle,
            beta1_power=tf.cast(step[0], dtype),
            beta2_power=tf.cast(step[1], dtype),
            lr=lr,
            beta1=tf.constant(self.beta1, dtype),
            beta2=tf.constant(self.beta2, dtype),
            epsilon=tf.constant(self.epsilon, dtype),
            grad=gradient,
        )


class DecayingAdamKongFu(AdamKongFu):
    """Adam with a weight decay of its own.

    Args:
        lr_scheme: see `KongFu`; 0.001 if left out.
        weight_decay: >= 0, how much of itself a weight loses, times the learning rate.
        exclude_from_weight_decay: parameters whose full name contains one of these texts do not decay, such as
            ``["biases"]``.
        **options: see `AdamKongFu`.
    """

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        *,
        weight_decay: float = 0.01,
        exclude_from_weight_decay: Sequence[str] = (),
        **options: Unpack[AdamOptions],
    ) -> None:
        super().__init__(lr_scheme, **options)
        self.weight_decay = self.check.number("weight_decay", weight_decay, least=0)
        excluded = self.check.texts("exclude_from_weight_decay", exclude_from_weight_decay)
        self.exclude_from_weight_decay = excluded

    def setup(self, parameters: Mapping[str, tf.Variable]) -> None:
        """Make the slots.

        Args:
            parameters: what is to be learnt, by full name.

        Raises:
            AkidError: a text of ``exclude_from_weight_decay`` is in no name.
        """
        for text in self.exclude_from_weight_decay:
            if not any(text in name for name in parameters):
                parts = {part for name in parameters for part in (name, *name.split("/"))}
                raise AkidError(
                    f"{self.name}: exclude_from_weight_decay: no parameter's full name contains {text!r}."
                    f" {near_match(text, parts)} Received: exclude_from_weight_decay="
                    f"{list(self.exclude_from_weight_decay)!r}",
                    argument="exclude_from_weight_decay",
                )
        super().setup(parameters)

    def decay_of(self, index: int) -> float:
        """The weight decay of the variable at this index."""
        name = self._names[index]
        return 0.0 if any(text in name for text in self.exclude_from_weight_decay) else self.weight_decay


class AdamWKongFu(DecayingAdamKongFu):
    """`AdamKongFu` with decoupled weight decay: ``w -= lr * weight_decay * w`` first.

    Loshchilov & Hutter, 2019, algorithm 2, with their schedule multiplier taken as the learning rate. Unlike the
    layers' ``wd`` it is no loss and is not scaled by the gradients' size.

    Args:
        lr_scheme, weight_decay, exclude_from_weight_decay, **options: see `DecayingAdamKongFu`.
    """

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        decay = self.decay_of(index)
        if decay:
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle, alpha=lr * tf.constant(decay, variable.dtype), delta=variable.value()
            )
        super()._update(index, variable, gradient, lr, step)


class LAMBKongFu(DecayingAdamKongFu):
    """Adam for large batches: every variable's update is scaled to the size of the variable.

    ``r = m_hat / (sqrt(v_hat) + epsilon) + weight_decay * w; w -= lr * |w| / |r| * r``, where the ratio is 1 if
    either norm is 0 (You et al., 2020, algorithm 2, with the identity for phi).

    Args:
        lr_scheme, weight_decay, exclude_from_weight_decay, **options: see `DecayingAdamKongFu`.
    """

    default_epsilon: ClassVar[float] = 1e-6

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        dtype, weights = variable.dtype, variable.value()
        m = self.drawn(index, "m", gradient, self.beta1)
        v = self.drawn(index, "v", tf.square(gradient), self.beta2)
        m_hat = m / (1.0 - tf.cast(step[0], dtype))
        v_hat = v / (1.0 - tf.cast(step[1], dtype))
        update = m_hat / (tf.sqrt(v_hat) + tf.constant(self.epsilon, dtype))
        decay = self.decay_of(index)
        if decay:
            update += tf.constant(decay, dtype) * weights
        sizes = tf.norm(weights), tf.norm(update)
        known = tf.logical_and(sizes[0] > 0, sizes[1] > 0)
        ratio = tf.where(known, tf.math.divide_no_nan(*sizes), tf.ones([], dtype))
        tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=lr * ratio, delta=update)
