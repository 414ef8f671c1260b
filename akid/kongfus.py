"""KongFu: how a Kid learns. First-order optimisers over TensorFlow's raw training ops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from akid.backend import tf
from akid.clipping import clip
from akid.lr_schemes import LearningRateScheme

Scheme = float | str | Mapping[str, Any] | LearningRateScheme


class KongFu(tf.Module):
    """A genre of learning: ``apply(gradients, step)`` updates the variables given to `setup`.

    Args:
        lr_scheme: the learning rate: a number, ``{"name": "exp_decay", "base_lr": ...}``, or an object; see
            `akid.lr_schemes`.
        clip_value: bound of every element of a gradient.
        clip_norm: bound of the L2 norm of every gradient.
        clip_global_norm: bound of the L2 norm of all gradients together.
        name: of the KongFu.
    """

    #: Names of the slots every variable has.
    slot_names: ClassVar[tuple[str, ...]] = ()
    #: The learning rate if none is given.
    default_lr: ClassVar[float] = 0.01

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        clip_global_norm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self._kongfu_name = name or type(self).__name__
        self.lr_scheme = LearningRateScheme.of(self.default_lr if lr_scheme is None else lr_scheme)
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.clip_global_norm = clip_global_norm
        self.slots: dict[str, tf.Variable] = {}
        self._variables: list[tf.Variable] = []

    @property
    def name(self) -> str:
        """The KongFu's name."""
        return self._kongfu_name

    def setup(self, parameters: Mapping[str, tf.Variable]) -> None:
        """Make the slots.

        Args:
            parameters: what is to be learnt, by full name.
        """
        self._variables = list(parameters.values())
        self._names = list(parameters)
        self.lr_scheme.setup()
        for name, variable in parameters.items():
            for slot in self.slot_names:
                self.slots[f"{name}/{slot}"] = tf.Variable(
                    tf.fill(variable.shape, tf.cast(self.slot_start(slot), variable.dtype)),
                    trainable=False,
                    name=f"{variable.name.split(':')[0]}/{slot}",
                )

    def slot_start(self, slot: str) -> float:
        """The value a slot starts with."""
        return 0.0

    def slot(self, index: int, slot: str) -> tf.Variable:
        """The slot of the variable at this index."""
        return self.slots[f"{self._names[index]}/{slot}"]

    def lr(self, step: tf.Tensor) -> tf.Tensor:
        """Scalar float32, the learning rate at this step."""
        return self.lr_scheme(tf.cast(step, tf.float32))

    def set_lr(self, value: float) -> None:
        """Set the learning rate of a placeholder scheme; from a hook.

        Raises:
            AkidError: the scheme is another one.
        """
        self.lr_scheme.set(value)

    def apply(self, gradients: Sequence[tf.Tensor | None], step: tf.Tensor) -> None:
        """Update every variable.

        Args:
            gradients: one for every variable given to `setup`, in that order; None for no influence.
            step: scalar int64, the number of updates made so far.
        """
        dense = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
        dense = clip(dense, self.clip_value, self.clip_norm, self.clip_global_norm)
        lr = self.lr(step)
        for index, (variable, gradient) in enumerate(zip(self._variables, dense, strict=True)):
            if gradient is not None:
                self._update(index, variable, gradient, tf.cast(lr, variable.dtype), step)

    def _update(
        self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: tf.Tensor
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _update()")


class GradientDescentKongFu(KongFu):
    """``w -= lr * g``."""

    def _update(
        self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: tf.Tensor
    ) -> None:
        tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=lr, delta=gradient)


class MomentumKongFu(KongFu):
    """``m = momentum * m + g; w -= lr * m`` (with Nesterov's look-ahead if asked).

    Args:
        lr_scheme: see `KongFu`.
        momentum: how much of the last move is kept.
        use_nesterov: Sutskever et al., 2013.
        **kwargs: see `KongFu`.
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        momentum: float = 0.9,
        use_nesterov: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(lr_scheme, **kwargs)
        self.momentum = momentum
        self.use_nesterov = use_nesterov

    def _update(
        self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: tf.Tensor
    ) -> None:
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=self.slot(index, "momentum").handle,
            lr=lr,
            grad=gradient,
            momentum=tf.cast(self.momentum, variable.dtype),
            use_nesterov=self.use_nesterov,
        )
