"""The base of learning-rate schemes, and the two that do not depend on the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from akid.backend import tf
from akid.checks import Check
from akid.constructors import Configured
from akid.errors import AkidError
from akid.registry import Registry


class LearningRateScheme(Configured):
    """The learning rate as a pure function of the step: ``scheme(step)`` gives a float32 scalar.

    A scheme of one's own writes ``rate(step)``; with ``class Mine(LearningRateScheme, name="mine")`` it can be
    named in a dict or a manifest too.

    Attributes:
        placeholder: the name of the scheme that is set by a hook (paper, section 3.3); the other names likewise.
    """

    constant: ClassVar[str] = "constant"
    cosine: ClassVar[str] = "cosine"
    exp_decay: ClassVar[str] = "exp_decay"
    placeholder: ClassVar[str] = "placeholder"
    polynomial: ClassVar[str] = "polynomial"
    step: ClassVar[str] = "step"
    warmup: ClassVar[str] = "warmup"
    #: What it is called in a dict or a manifest; the class's name if nothing.
    name: ClassVar[str] = "scheme"
    names: ClassVar[Registry[LearningRateScheme]] = Registry("learning-rate scheme")

    def __init_subclass__(cls, name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        LearningRateScheme.names.add(name, cls)
        cls.name = name or cls.__name__

    def state(self) -> float | None:
        """What a checkpoint must keep beside the step: nothing, but for a placeholder."""
        return None

    def restore(self, state: float) -> None:
        """Take up what `state` gave."""
        self.set(state)

    def setup(self) -> None:
        """Make variables, if the scheme has some."""

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """The learning rate.

        Args:
            step: int or scalar integer tensor, the number of updates made so far.

        Returns:
            Scalar float32.
        """
        return tf.cast(self.rate(tf.cast(step, tf.float64)), tf.float32)

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """The learning rate at ``step``, scalar float64 (float32 cannot count beyond 2^24); any float dtype."""
        raise NotImplementedError(f"{type(self).__name__} must define rate(self, step)")

    def set(self, value: float) -> None:
        """Set the rate; only a placeholder can be.

        Raises:
            AkidError: the scheme is another one.
        """
        raise AkidError(
            "Only the learning rate of {'name': LearningRateScheme.placeholder} can be set."
            f" Received: lr_scheme={type(self).__name__}"
        )

    @staticmethod
    def of(spec: float | str | Mapping[str, Any] | LearningRateScheme) -> LearningRateScheme:
        """From a number, a name, ``{"name": ..., **arguments}``, or a scheme itself.

        Raises:
            AkidError: the name is unknown, or the arguments do not fit.
        """
        if isinstance(spec, LearningRateScheme):
            return spec
        if isinstance(spec, (int, float)):
            return Constant(spec)
        if not isinstance(spec, (str, Mapping)):
            forms = 'a number, a name, {"name": ..., **arguments} or a LearningRateScheme'
            raise Check().wrong("lr_scheme", forms, spec)
        return LearningRateScheme.names.make(spec, default=LearningRateScheme.exp_decay)


class Constant(LearningRateScheme, name="constant"):
    """The same at every step."""

    def __init__(self, base_lr: float = 0.01) -> None:
        self.base_lr = self.check.number("base_lr", base_lr, least=0)

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """See `LearningRateScheme`."""
        return tf.constant(self.base_lr, tf.float64)


class Placeholder(LearningRateScheme, name="placeholder"):
    """What `KongFu.set_lr` said last, usually from a hook; ``base_lr`` until then.

    Args:
        base_lr: the first rate.
    """

    def __init__(self, base_lr: float = 0.01) -> None:
        self.base_lr = self.check.number("base_lr", base_lr, least=0)
        self.variable: tf.Variable | None = None

    def state(self) -> float | None:
        """The rate that was set last: a resumed run must not fall back to the first one."""
        return self.base_lr

    def setup(self) -> None:
        """Make the variable that holds the rate."""
        self.variable = tf.Variable(self.base_lr, trainable=False, dtype=tf.float32, name="learning_rate")

    def set(self, value: float) -> None:
        """Set the rate from now on.

        Raises:
            AkidError: not a number >= 0.
        """
        self.base_lr = self.check.number("learning rate", value, least=0)
        if self.variable is not None:
            self.variable.assign(self.base_lr)

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """See `LearningRateScheme`."""
        return tf.constant(self.base_lr) if self.variable is None else self.variable.value()
