"""Learning rates that change with the step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from akid.backend import tf
from akid.checks import Check, optional
from akid.errors import AkidError
from akid.lr_schemes.base import LearningRateScheme


class ExpDecay(LearningRateScheme, name="exp_decay"):
    """``base_lr * decay_rate^(step / decay_steps)``, in whole powers if ``staircase``.

    Args:
        base_lr: the first rate.
        decay_rate: the factor ...
        decay_steps: ... that applies after so many steps,
        decay_epoch_num: or after so many epochs ...
        num_batches_per_epoch: ... of so many steps each.
        staircase: whether the power is rounded down.
    """

    def __init__(
        self,
        base_lr: float = 0.01,
        decay_rate: float = 0.95,
        decay_steps: float | None = None,
        staircase: bool = True,
        decay_epoch_num: float | None = None,
        num_batches_per_epoch: int | None = None,
    ) -> None:
        self.base_lr = self.check.number("base_lr", base_lr, least=0)
        self.decay_rate = self.check.number("decay_rate", decay_rate, above=0)
        epochs = (decay_epoch_num, num_batches_per_epoch)
        if (decay_steps is None) == (None in epochs) or (decay_steps is not None and epochs != (None, None)):
            raise AkidError(
                "exp_decay: give decay_steps, or both decay_epoch_num and num_batches_per_epoch. Received:"
                f" {decay_steps=}, {decay_epoch_num=}, {num_batches_per_epoch=}"
            )
        if decay_steps is None:
            per_epoch = self.check.integer("num_batches_per_epoch", num_batches_per_epoch)
            decay_steps = per_epoch * self.check.number("decay_epoch_num", decay_epoch_num, above=0)
        self.decay_steps = self.check.number("decay_steps", decay_steps, above=0)
        self.staircase = self.check.flag("staircase", staircase)

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """See `LearningRateScheme`."""
        power = step / self.decay_steps
        return self.base_lr * tf.pow(
            tf.constant(self.decay_rate, tf.float64), tf.floor(power) if self.staircase else power
        )


_STEP_FORMS = (
    {"boundaries", "values"},
    {"base_lr", "decay_rate", "boundaries"},
    {"base_lr", "decay_rate", "step_size"},
)


class Step(LearningRateScheme, name="step"):
    """A rate that changes at given steps.

    Three forms: ``boundaries`` with one more ``values``; ``boundaries`` with ``base_lr`` and ``decay_rate``,
    which multiplies at every boundary; ``step_size`` with ``base_lr`` and ``decay_rate``, a boundary at every
    multiple. A rate holds from its boundary on: the update made at ``step == boundary`` has the new one.

    Args:
        base_lr: the first rate.
        decay_rate: the factor at every boundary.
        step_size: steps between boundaries.
        boundaries: steps, increasing.
        values: the rates between the boundaries.
    """

    def __init__(
        self,
        base_lr: float | None = None,
        decay_rate: float | None = None,
        step_size: int | None = None,
        boundaries: Sequence[int] | None = None,
        values: Sequence[float] | None = None,
    ) -> None:
        given = {
            "base_lr": base_lr,
            "decay_rate": decay_rate,
            "step_size": step_size,
            "boundaries": boundaries,
            "values": values,
        }
        if {key for key, value in given.items() if value is not None} not in _STEP_FORMS:
            raise AkidError(
                "step: give boundaries and values, or base_lr, decay_rate and either boundaries or step_size."
                f" Received: {', '.join(f'{key}={value!r}' for key, value in given.items())}"
            )
        self.step_size = optional(self.check.integer, "step_size", step_size)
        self.boundaries = _increasing(self.check, () if boundaries is None else boundaries)
        if values is not None:
            self.values = _rates(self.check, values, len(self.boundaries))
        else:
            self.base_lr = self.check.number("base_lr", base_lr, least=0)
            self.decay_rate = self.check.number("decay_rate", decay_rate, above=0)
            self.values = tuple(self.base_lr * self.decay_rate**i for i in range(len(self.boundaries) + 1))

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """See `LearningRateScheme`."""
        if self.step_size is not None:
            factor = tf.constant(self.decay_rate, tf.float64)
            return self.base_lr * tf.pow(factor, tf.floor(step / self.step_size))
        passed = tf.reduce_sum(tf.cast(step >= tf.constant(self.boundaries, tf.float64), tf.int32))
        return tf.constant(self.values, tf.float64)[passed]


def _increasing(check: Check, boundaries: Sequence[int]) -> tuple[int, ...]:
    if any(a >= b for a, b in itertools.pairwise(check.integers("boundaries", boundaries))):
        raise check.wrong("boundaries", "increasing integers >= 1", boundaries)
    return tuple(boundaries)


def _rates(check: Check, values: Sequence[float], boundaries: int) -> tuple[float, ...]:
    if not isinstance(values, (list, tuple)) or len(values) != boundaries + 1:
        raise check.wrong("values", f"a list of one more than the {boundaries} boundaries", values)
    return tuple(check.number(f"values[{i}]", v, least=0) for i, v in enumerate(values))


class Cosine(LearningRateScheme, name="cosine"):
    """Half a cosine from ``base_lr`` to ``end_lr`` in ``decay_steps`` steps, then ``end_lr``.

    Loshchilov & Hutter, 2017 (SGDR), equation 5, without restarts.

    Args:
        base_lr: the first rate.
        decay_steps: how many steps it takes.
        end_lr: the last rate.
    """

    def __init__(self, base_lr: float, decay_steps: int, end_lr: float = 0.0) -> None:
        self.base_lr = self.check.number("base_lr", base_lr, least=0)
        self.decay_steps = self.check.integer("decay_steps", decay_steps)
        self.end_lr = self.check.number("end_lr", end_lr, least=0)

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """See `LearningRateScheme`."""
        done = tf.minimum(step / self.decay_steps, 1.0)
        return self.end_lr + 0.5 * (self.base_lr - self.end_lr) * (1.0 + tf.cos(math.pi * done))


class Polynomial(LearningRateScheme, name="polynomial"):
    """``(base_lr - end_lr) * (1 - step / decay_steps)^power + end_lr``, then ``end_lr``.

    Args:
        base_lr: the first rate.
        decay_steps: how many steps it takes.
        end_lr: the last rate.
        power: 1 for a straight line.
    """

    def __init__(self, base_lr: float, decay_steps: int, end_lr: float = 0.0, power: float = 1.0) -> None:
        self.base_lr = self.check.number("base_lr", base_lr, least=0)
        self.decay_steps = self.check.integer("decay_steps", decay_steps)
        self.end_lr = self.check.number("end_lr", end_lr, least=0)
        self.power = self.check.number("power", power, above=0)

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """See `LearningRateScheme`."""
        left = tf.pow(tf.maximum(1.0 - step / self.decay_steps, 0.0), self.power)
        return (self.base_lr - self.end_lr) * left + self.end_lr


class Warmup(LearningRateScheme, name="warmup"):
    """A rate that grows by equal amounts to the first rate of another scheme, which then begins.

    Update ``s < warmup_steps`` has the rate ``after(0) * (s + 1) / warmup_steps``, later ones
    ``after(s - warmup_steps)`` (Goyal et al., 2017, section 2.2).

    Args:
        warmup_steps: how many updates it takes.
        after: the scheme that follows, in any form an ``lr_scheme`` has.
    """

    def __init__(self, warmup_steps: int, after: float | str | Mapping[str, Any] | LearningRateScheme) -> None:
        self.warmup_steps = self.check.integer("warmup_steps", warmup_steps)
        self.after = LearningRateScheme.of(after)

    def state(self) -> float | None:
        """That of the scheme that follows."""
        return self.after.state()

    def setup(self) -> None:
        """Set up the scheme that follows."""
        self.after.setup()

    def set(self, value: float) -> None:
        """Set the rate that is grown to, if the scheme that follows is a placeholder."""
        self.after.set(value)

    def rate(self, step: tf.Tensor) -> tf.Tensor:
        """See `LearningRateScheme`."""
        share = tf.minimum((step + 1.0) / self.warmup_steps, 1.0)
        following = self.after(tf.maximum(step - self.warmup_steps, 0.0))
        return tf.cast(following, tf.float64) * share
