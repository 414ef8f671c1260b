"""Learning-rate schemes: the learning rate as a function of the step."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from akid.backend import tf
from akid.errors import AkidError, near_match


class LearningRateScheme:
    """The learning rate as a function of the step: ``scheme(step)``, float32 scalars.

    Attributes:
        placeholder: the name of the scheme that is set by a hook (paper, section 3.3).
    """

    placeholder: ClassVar[str] = "placeholder"
    exp_decay: ClassVar[str] = "exp_decay"
    names: ClassVar[dict[str, type[LearningRateScheme]]] = {}

    def __init_subclass__(cls, name: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        LearningRateScheme.names[name] = cls

    def setup(self) -> None:
        """Make variables, if the scheme has some."""

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError

    def set(self, value: float) -> None:
        """Set the rate; only a placeholder can be.

        Raises:
            AkidError: the scheme is another one.
        """
        raise AkidError(
            "Only the learning rate of {'name': LearningRateScheme.placeholder} can be set."
            f" Received: lr_scheme={type(self).__name__}"
        )

    def state(self) -> float | None:
        """What a checkpoint must keep beside the step: nothing, but for a placeholder."""
        return None

    def restore(self, state: float) -> None:
        """Take up what `state` gave."""
        self.set(state)

    @staticmethod
    def of(spec: float | str | Mapping[str, Any] | LearningRateScheme) -> LearningRateScheme:
        """From a number, a name, ``{"name": ..., **arguments}``, or a scheme itself.

        Raises:
            AkidError: the name is unknown, or the arguments do not fit.
        """
        if isinstance(spec, LearningRateScheme):
            return spec
        if isinstance(spec, (int, float)):
            return Constant(float(spec))
        options = {"name": spec} if isinstance(spec, str) else dict(spec)
        name = str(options.pop("name", LearningRateScheme.exp_decay))
        kind = LearningRateScheme.names.get(name)
        if kind is None:
            raise AkidError(
                f"Unknown learning-rate scheme. {near_match(name, LearningRateScheme.names)} Received: {spec!r}"
            )
        try:
            return kind(**options)
        except TypeError:
            known = list(inspect.signature(kind).parameters)
            raise AkidError(f"The learning-rate scheme {name!r} takes {known}. Received: {options!r}") from None


class Constant(LearningRateScheme, name="constant"):
    """The same at every step."""

    def __init__(self, base_lr: float = 0.01) -> None:
        self.base_lr = base_lr

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.constant(self.base_lr, tf.float32)


class Placeholder(LearningRateScheme, name="placeholder"):
    """What `KongFu.set_lr` said last; usually from a hook."""

    def __init__(self, base_lr: float = 0.01) -> None:
        self.base_lr = base_lr
        self.variable: tf.Variable | None = None

    def setup(self) -> None:
        """Make the variable that holds the rate."""
        self.variable = tf.Variable(self.base_lr, trainable=False, dtype=tf.float32)

    def set(self, value: float) -> None:
        """Set the rate from now on."""
        self.base_lr = float(value)
        if self.variable is not None:
            self.variable.assign(value)

    def state(self) -> float | None:
        """The rate that was set last."""
        return self.base_lr

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.constant(self.base_lr) if self.variable is None else self.variable.value()


class ExpDecay(LearningRateScheme, name="exp_decay"):
    """``base_lr * decay_rate^(step / decay_steps)``, in whole powers if ``staircase``.

    Args:
        base_lr: the first rate.
        decay_rate: the factor ...
        decay_steps: ... that applies after so many steps.
        staircase: whether the power is rounded down.
    """

    def __init__(
        self,
        base_lr: float = 0.01,
        decay_rate: float = 0.95,
        decay_steps: float = 1000,
        staircase: bool = True,
    ) -> None:
        self.base_lr, self.decay_rate = base_lr, decay_rate
        self.decay_steps, self.staircase = decay_steps, staircase

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        power = step / float(self.decay_steps)
        return self.base_lr * tf.pow(
            tf.constant(self.decay_rate, tf.float32), tf.floor(power) if self.staircase else power
        )
