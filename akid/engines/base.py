"""Engine: where a step runs. It owns devices and distribution, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from akid.backend import tf
from akid.errors import AkidError, near_match

if TYPE_CHECKING:
    from akid.brains import Brain
    from akid.kongfus import KongFu
    from akid.moving_average import MovingAverage
    from akid.sensors import Sensor


@dataclass(frozen=True)
class Report:
    """What some steps, or a whole split, came to.

    Attributes:
        steps: how many steps ran.
        loss: mean of the total loss, over steps in training, over examples in evaluation.
        last_loss: total loss of the last step.
        losses: mean of every loss by full name.
        evals: every measure by full name, weighted by examples.
    """

    steps: int
    loss: float
    last_loss: float
    losses: Mapping[str, float]
    evals: Mapping[str, float]


class Engine:
    """Turns (brain, kongfu, sensor) into two callables, ``train(n_steps)`` and ``evaluate(split)``."""

    names: ClassVar[dict[str, type[Engine]]] = {}
    name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Engine.names[cls.name] = cls

    @staticmethod
    def of(spec: str | Mapping[str, Any] | Engine) -> Engine:
        """From a name, ``{"name": ..., **options}``, or an engine itself.

        Raises:
            AkidError: the name is unknown, or the options do not fit.
        """
        if isinstance(spec, Engine):
            return spec
        options = {"name": spec} if isinstance(spec, str) else dict(spec)
        name = str(options.pop("name", ""))
        kind = Engine.names.get(name)
        if kind is None:
            raise AkidError(f"Unknown engine. {near_match(name, Engine.names)} Received: engine={spec!r}")
        try:
            return kind(**options)
        except TypeError as error:
            raise AkidError(f"engine {name!r}: {error}. Received: {options!r}") from None

    def setup(
        self,
        brain: Brain,
        kongfu: KongFu,
        sensor: Sensor,
        *,
        seed: int = 0,
        debug: bool = False,
        moving_average: MovingAverage | None = None,
    ) -> None:
        """Build the brain and the slots.

        Args:
            brain: what learns.
            kongfu: how it learns.
            sensor: what it perceives, set up.
            seed: of initial values, dropout and everything else that is random.
            debug: check every block's output for NaN and infinity.
            moving_average: of the parameters, updated after every step.
        """
        raise NotImplementedError

    @property
    def step(self) -> tf.Variable:
        """Scalar int64 variable: how many updates were made."""
        raise NotImplementedError

    def train(self, n_steps: int) -> Report:
        """Run training steps; stops early after a step whose loss is not finite."""
        raise NotImplementedError

    def evaluate(self, split: str) -> Report:
        """Send every example of a split through once, in inference mode."""
        raise NotImplementedError
