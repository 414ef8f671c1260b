"""Engine: where a step runs. It owns devices and distribution, and nothing else."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from akid.backend import tf
from akid.checks import Check
from akid.registry import Registry

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.kongfus import KongFu
    from akid.kongfus.moving_average import MovingAverage
    from akid.sensors.sensor import Sensor


@dataclass(frozen=True)
class Report:
    """What some steps, or a whole split, came to.

    Attributes:
        steps: how many steps ran.
        loss: mean of the total loss, over steps in training, over examples in evaluation.
        losses: mean of every loss by full name.
        evals: every measure by full name, weighted by examples.
    """

    steps: int
    loss: float
    losses: Mapping[str, float]
    evals: Mapping[str, float]


@dataclass(frozen=True)
class Tally:
    """Sums over training steps, added up one step after another.

    They go on from call to call and are kept in checkpoints, so that a mean is the same to the last bit however
    the steps were cut into calls, and whether or not the run was interrupted.

    Attributes:
        steps: how many steps.
        losses: sum of every loss by full name.
        evals: for every measure the sum of value * weight, and that of the weights.
        last_loss: total loss of the last step.
    """

    steps: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    evals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    last_loss: float = math.nan

    def report(self) -> Report:
        """The means."""
        losses = {name: value / max(self.steps, 1) for name, value in self.losses.items()}
        evals = {name: value / max(weight, 1e-12) for name, (value, weight) in self.evals.items()}
        return Report(self.steps, sum(losses.values()), losses, evals)


def forever() -> bool:
    """Go on."""
    return True


class Duty(Enum):
    """What a process is there for.

    To practise; to lend its devices to the one that does, see `Engine.serve`; or to evaluate the checkpoints of
    the one that does.
    """

    PRACTISE = "practise"
    SERVE = "serve"
    FOLLOW = "follow"


class Engine:
    """Turns (brain, kongfu, sensor) into two callables, ``train(n_steps)`` and ``evaluate(split)``."""

    names: ClassVar[Registry[Engine]] = Registry("engine")
    name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Engine.names.add(vars(cls).get("name", ""), cls)  # a subclass that inherits the name is not registered

    @staticmethod
    def of(spec: str | Mapping[str, Any] | Engine) -> Engine:
        """From a name, ``{"name": ..., **options}``, or an engine itself.

        Raises:
            AkidError: the name is unknown, or the options do not fit.
        """
        if isinstance(spec, Engine):
            return spec
        if not isinstance(spec, (str, Mapping)):
            raise Check().wrong("engine", 'a name, {"name": ..., **options} or an Engine', spec)
        return Engine.names.make(spec)

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
    def duty(self) -> Duty:
        """What this process is there for; known before `setup`."""
        return Duty.PRACTISE

    def serve(self) -> NoReturn:
        """Of a process whose duty is to serve: do so until SIGTERM.

        Raises:
            SystemExit: code 143, after SIGTERM.
        """
        raise NotImplementedError(f"{type(self).__name__} must define serve()")

    def peer_errors(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which variables are used that other processes may hold: their loss is a
        `PeerLostError`."""
        return contextlib.nullcontext()

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what the run leaves; there is one such process."""
        return True

    def agree(self, flag: bool) -> bool:
        """Whether the flag is set in any of the processes that learn together.

        What ends or interrupts a run is decided so, since a process that stops alone leaves the others waiting
        for it in the middle of a step. All must call it, at the same step.
        """
        return flag

    def chief_value(self, value: int) -> int:
        """The chief's value, given to all processes; for what depends on time, such as how many steps a call
        makes. All must call it, at the same step."""
        return value

    def from_chief(self, found: bytes, variables: Iterable[tf.Variable]) -> bytes:
        """Give all processes what the chief found, and the values its variables hold.

        Args:
            found: of the chief; empty: it found nothing, and no variable changes.
            variables: the same ones in every process, in the same order.
        """
        return found

    def merge_state(self) -> None:
        """Make what blocks keep without learning it, such as running statistics, the same for all replicas.

        To be called before it is read from outside, as for a checkpoint. All must call it, at the same step.
        """

    def seek(self) -> None:
        """The variables, `step` among them, were set to those of another step: data are read from there on."""

    @property
    def step(self) -> tf.Variable:
        """Scalar int64 variable: how many updates were made."""
        raise NotImplementedError

    @property
    def losses(self) -> list[str]:
        """Full names of the losses the brain notes; set up."""
        raise NotImplementedError

    @property
    def evals(self) -> list[str]:
        """Full names of the measures the brain notes; set up."""
        raise NotImplementedError

    def train(self, n_steps: int, tally: Tally | None = None) -> Tally:
        """Run training steps; stops early after a step whose loss is not finite.

        Args:
            n_steps: at most so many.
            tally: sums to add to.
        """
        raise NotImplementedError

    def evaluate(self, split: str, go_on: Callable[[], bool] = forever) -> Report:
        """Send every example of a split through once, in inference mode.

        Args:
            split: ``train``, ``val`` or ``test``.
            go_on: asked after every batch.

        Raises:
            Interrupted: ``go_on`` said no.
        """
        raise NotImplementedError
