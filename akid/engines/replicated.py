"""ReplicatedEngine: a brain set up for replicas, with a loop, an evaluator and a clock; what all engines share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from akid.backend import tf
from akid.engines.base import Engine, Report, Tally, forever
from akid.engines.evaluation import Evaluator
from akid.engines.loop import TrainingLoop
from akid.engines.replicas import Replicas
from akid.engines.state import StateMerger
from akid.errors import AkidError
from akid.op_errors import data_errors
from akid.sensors.label_check import check_labels

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.kongfus import KongFu
    from akid.kongfus.moving_average import MovingAverage
    from akid.sensors.sensor import Sensor


class ReplicatedEngine(Engine):
    """A subclass says who the replicas are, and, if its steps are made in another way, what runs them."""

    def _make_replicas(self) -> Replicas:
        """Who learns; called once, before anything of TensorFlow runs."""
        raise NotImplementedError(f"{type(self).__name__} must define _make_replicas()")

    def _sharers(self) -> str:
        """Who shares each batch, in words; empty if nobody does."""
        return f"{self.replicas.count} replicas" if self.replicas.count > 1 else ""

    def _make_step(self) -> tf.Variable:
        """The clock."""
        with self.replicas.scope():
            return tf.Variable(0, trainable=False, dtype=tf.int64, name="step")

    def _make_loop(self, *learners: Any, **options: Any) -> TrainingLoop:
        """What runs the steps; see `TrainingLoop`."""
        return TrainingLoop(*learners, **options)

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
        """Build the brain and the slots; see `Engine.setup`."""
        self.replicas = self._make_replicas()
        if self.replicas.count > sensor.batch_size:
            raise AkidError(
                f"engine {self.name!r}: a batch must have a row for each of the {self.replicas.count} replicas."
                f" Received: batch_size={sensor.batch_size}"
            )
        sharers = self._sharers()
        if sharers and not sensor.sliceable:
            raise AkidError(
                f"engine {self.name!r}: {sensor.source.name!r} can only be read in order, so {sharers}"
                " cannot share its batches. Use a source with random access, or the engine 'single'."
            )
        self.brain = brain
        self._step = self._make_step()
        with self.replicas.scope():
            trip = brain.build(sensor.signature(), seed)
            check_labels(sensor, trip.losses.values())
            kongfu.setup(brain.parameters)
            if moving_average is not None:
                moving_average.setup(brain.parameters)
        self._losses, self._evals = list(trip.losses), list(trip.evals)
        means = [name for name, e in trip.evals.items() if e.finish is None]
        self._loop = self._make_loop(
            brain, kongfu, sensor, self._step, self.replicas, self._losses, means,
            seed=seed, debug=debug, moving_average=moving_average,
        )  # fmt: skip
        self._merge_state = StateMerger(brain, self.replicas)
        self._evaluator = Evaluator(brain, sensor, self.replicas, seed)

    @property
    def step(self) -> tf.Variable:
        """Scalar int64 variable: how many updates were made."""
        return self._step

    @property
    def losses(self) -> list[str]:
        """Full names of the losses the brain notes."""
        return self._losses

    @property
    def evals(self) -> list[str]:
        """Full names of the measures the brain notes."""
        return self._evals

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what the run leaves."""
        return self.replicas.is_chief

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which variables are made."""
        return self.replicas.scope()

    def agree(self, flag: bool) -> bool:
        """Whether the flag is set in any process; see `Engine.agree`."""
        with self.replicas.peer_errors():
            return self.replicas.any(flag)

    def chief_value(self, value: int) -> int:
        """The chief's value; see `Engine.chief_value`."""
        with self.replicas.peer_errors():
            return self.replicas.chief_value(value)

    def from_chief(self, found: bytes, variables: Iterable[tf.Variable]) -> bytes:
        """What the chief found, and its variables' values, for all; see `Engine.from_chief`."""
        if self.replicas.members == 1:
            return found
        with self.replicas.peer_errors():
            mine = np.frombuffer(found if self.is_chief else b"", np.uint8)
            given = self.replicas.gather(tf.constant(mine))[0].numpy().tobytes()
            for variable in variables if given else ():
                variable.assign(self.replicas.gather(variable.value()[tf.newaxis])[0][0])
        return given

    def seek(self) -> None:
        """The variables were set to another step's; see `Engine.seek`."""
        self._loop.seek()
        self._merge_state.begin()

    def merge_state(self) -> None:
        """Make the replicas' copies of state equal; see `Engine.merge_state`."""
        self._merge_state()

    def train(self, n_steps: int, tally: Tally | None = None) -> Tally:
        """Run training steps; see `Engine.train`."""
        tally = tally or Tally()
        before = [tally.losses.get(name, 0.0) for name in self._losses]
        for part in (0, 1):
            before += [tally.evals.get(name, (0.0, 0.0))[part] for name in self._loop.means]
        with self.replicas.peer_errors(), data_errors():
            done, last, sums = self._loop(n_steps, before)
        values = iter(sums)
        losses = {name: next(values) for name in self._losses}
        weighted = [next(values) for _ in self._loop.means]
        evals = {name: (value, next(values)) for name, value in zip(self._loop.means, weighted, strict=True)}
        return Tally(tally.steps + done, losses, evals, last)

    def evaluate(self, split: str, go_on: Callable[[], bool] = forever) -> Report:
        """Every example of a split once; see `Engine.evaluate`."""
        self.merge_state()
        with self.replicas.peer_errors():
            return self._evaluator(split, go_on)
