"""A run: what a Kid is made of, at work in a run directory."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.engines import Engine, Report
from akid.engines.base import forever
from akid.errors import DataError, NotFiniteError
from akid.inference.export import missing_checkpoint
from akid.kids.initialization import Initialization, InitializeFrom, initialize
from akid.kids.run_state import RunState
from akid.kids.stopping import short_names_of
from akid.kongfus import KongFu
from akid.kongfus.moving_average import MovingAverage
from akid.runs.checkpoint_files import committed, step_of
from akid.runs.checkpoints import Checkpoints
from akid.runs.memory import Memory
from akid.runs.run_dir import RunDir, read_json, write_json
from akid.runs.settings import described, difference
from akid.runs.variables import NOT_FINITE
from akid.sensors.sensor import Sensor

logger = logging.getLogger(__name__)


class Run:
    """What a practice works on; its checkpoints hold all of it.

    Args:
        sensor, brain, kongfu, moving_average, engine: set up.
        seed, debug, keep_checkpoints: see `Kid`.
        directory: of the run.
        initialize_from: where the brain's first values come from, if the directory has no state of the run.
        state: of the run; what the newest checkpoint there keeps is put into it, and into the variables.
    """

    def __init__(
        self,
        sensor: Sensor,
        brain: Brain,
        kongfu: KongFu,
        moving_average: MovingAverage | None,
        engine: Engine,
        *,
        seed: int,
        debug: bool,
        keep_checkpoints: int,
        directory: RunDir,
        state: RunState,
        initialize_from: InitializeFrom | None = None,
    ) -> None:
        self.sensor, self.brain, self.kongfu, self.moving_average = sensor, brain, kongfu, moving_average
        self.engine, self.seed, self.debug, self.keep_checkpoints = engine, seed, debug, keep_checkpoints
        self.state = state
        self._settings = self.settings()  # before a checkpoint sets a learning rate
        goes_on = self.enter(directory)
        self.initialization = self._noted() if goes_on else self._initialize(initialize_from)
        if goes_on and initialize_from is not None and self.initialization is None:
            logger.warning("initialize_from is not read: the run in %s goes on from its own state", directory.path)

    def enter(self, directory: RunDir) -> bool:
        """Go on in a run directory, from its newest checkpoint if it has one; whether it has."""
        finite = frozenset(f"brain/{name}" for name in self.brain.named_variables())
        self.run_dir = directory
        self.checkpoints = Checkpoints(
            directory.checkpoints,
            directory.best,
            self._saved_variables(),
            finite,
            self.keep_checkpoints,
            directory.generation,
            directory.check_newest,
            directory.space,
        )
        self.memory = Memory.of_this_process(self.checkpoints.saved, directory.path, directory.generation)
        # The chief's memory and file system alone count: what it has written, another machine may see later.
        return self._take_up(self._newest() if self.engine.is_chief else None)

    def _noted(self) -> Initialization | None:
        """What the run began with, if it was noted."""
        noted = read_json(self.run_dir.initialization)
        return None if noted is None else Initialization.of_json(noted)

    def _initialize(self, source: InitializeFrom | None) -> Initialization | None:
        """Give the brain of every process the values that the chief finds."""
        if source is None:
            return None
        found = b""
        if self.engine.is_chief:
            found = json.dumps(initialize(self.brain, source).to_json()).encode()
        given = self.engine.from_chief(found, self.brain.named_variables().values())
        if not given:
            return None
        if self.moving_average is not None:
            self.moving_average.begin()
        self.engine.seek()
        return Initialization.of_json(json.loads(given))

    def _newest(self) -> dict[str, Any] | None:
        """Put the newest state there is into the variables: that in memory, or a checkpoint."""
        kept = committed(self.run_dir.checkpoints)
        found = self.memory.restore(newer_than=step_of(kept[-1]) if kept else 0)
        if found is None:
            found = self.checkpoints.restore()
            if found and found["step"] < step_of(kept[-1]):  # that one was damaged
                found = self.memory.restore(newer_than=found["step"]) or found
        return found

    @property
    def step(self) -> int:
        """The clock: how many updates were made."""
        return int(self.engine.step.numpy())

    def restore(self, best: bool) -> None:
        """Go back to a checkpoint.

        Raises:
            DataError: there is none.
        """
        if not self._take_up(self.checkpoints.restore(best) if self.engine.is_chief else None):
            raise DataError(missing_checkpoint(self.run_dir, best))

    def _take_up(self, here: dict[str, Any] | None) -> bool:
        """Go on from what the chief has put into its variables, if it has; ``here`` is what was kept beside."""
        text = b"" if here is None else json.dumps(here).encode()
        given = self.engine.from_chief(text, self._saved_variables().values())
        if not given:
            return False
        saved: dict[str, Any] = json.loads(given)
        self.state.put_back(saved)
        if saved["lr"] is not None:
            self.kongfu.lr_scheme.restore(saved["lr"])
        self.engine.seek()
        return True

    def settings(self) -> dict[str, Any]:
        """What must be the same when the run goes on, as JSON has it."""
        sensor = self.sensor
        settings = {
            "seed": self.seed,
            "moving_average": self.moving_average and self.moving_average.decay,
            "kongfu": described(self.kongfu),
            "sensor": {
                "source": described(sensor.source),
                "batch_size": sensor.batch_size,
                "shuffle": sensor.shuffle,
                "seed": sensor.seed,
                "jokers": [described(joker) for joker in sensor.jokers],
            },
            "brain": {name: described(block) for name, block in self.brain.named_blocks()},
        }
        return json.loads(json.dumps(settings))

    def begin(self) -> None:
        """Note the settings; of a run that goes on they must be those it began with.

        Raises:
            DataError: they are not.
        """
        settings, noted = self._settings, self.run_dir.settings
        before = read_json(noted) if committed(self.run_dir.checkpoints) else None
        changed = None if before is None else difference(before, settings, "")
        if changed:
            raise DataError(
                f"{changed} differs from the Kid that practised in {self.run_dir.path}; a run goes on with the"
                f" settings it began with. Use another log_dir, or remove {noted} to go on with the new ones."
            )
        write_json(noted, settings)
        if self.initialization is None:
            self.run_dir.initialization.unlink(missing_ok=True)
        else:
            write_json(self.run_dir.initialization, self.initialization.to_json())

    def save(self, is_best: bool = False) -> None:
        """Save a checkpoint, in the background. All processes must call it, at the same step.

        Raises:
            NotFiniteError: a parameter is NaN or infinite; the checkpoints before are kept.
        """
        self.engine.merge_state()
        values = self._finite_values()
        if self.engine.is_chief:
            self.checkpoints.save(self.step, self._meta(), is_best, values)

    def write_waiting(self) -> None:
        """Write, now and then, what there was no space for."""
        self.checkpoints.try_again()
        self.run_dir.write_waiting()

    def finish(self) -> None:
        """See that everything is on disk.

        Raises:
            StorageError: something could not be written.
        """
        self.checkpoints.finish()
        self.run_dir.finish()

    @property
    def keep_due(self) -> bool:
        """Whether it is time to keep the state in memory: not before the best, of which it tells, is on disk."""
        return self.memory.due and self.checkpoints.settled

    def keep(self) -> None:
        """Keep the state in memory, in the background. All processes must call it, at the same step."""
        self.engine.merge_state()
        self.memory.keep(self.step, self._meta())

    def keep_now(self) -> None:
        """Keep the state in memory, and wait until it is there. All processes must call it, at the same step."""
        self.memory.sync()
        self.keep()
        self.memory.sync()

    def _meta(self) -> dict[str, Any]:
        """What is kept beside the variables, as JSON."""
        return self.state.to_json() | {"lr": self.kongfu.lr_scheme.state()}

    def check_finite(self) -> None:
        """See that what was learnt is finite: a loss may be although the parameters are not.

        Raises:
            NotFiniteError: it is not.
        """
        self._finite_values()

    def _finite_values(self) -> list[tf.Tensor]:
        """What a checkpoint holds; if it is not finite in any process, all raise the same error."""
        try:
            values = self.checkpoints.saved.read()
        except NotFiniteError:
            values = []
        if self.engine.agree(not values):
            raise self.not_finite(NOT_FINITE)
        return values

    def evaluate(self, split: str, go_on: Callable[[], bool] = forever) -> tuple[float, dict[str, float]]:
        """The loss and the measures over a split, by short names; see `Engine.evaluate`."""
        with self.averaged():
            report: Report = self.engine.evaluate(split, go_on)
        return report.loss, short_names_of(report.evals)

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """The context in which the parameters are their moving averages, if those are kept."""
        return contextlib.nullcontext() if self.moving_average is None else self.moving_average.swap()

    def not_finite(self, what: str, step: int | None = None) -> NotFiniteError:
        """The error for a loss or a parameter that became NaN or infinite."""
        self.checkpoints.sync()
        kept = committed(self.run_dir.checkpoints)
        last = f"The last checkpoint before it is {kept[-1]}." if kept else "No checkpoint was saved before it."
        step = self.step if step is None else step
        # What a ReLU hides from the loss of its own step shows in the next one's.
        if any(self._has_bad_data(number) for number in (step - 1, step - 2)):
            mend = "The data hold NaN or infinity there: clean them."
        else:
            hint = "" if self.debug else " debug=True names the first block where it happens."
            mend = f"Try a smaller learning rate, or clip_global_norm.{hint}"
        return NotFiniteError(f"{what} at step {step}. {last} {mend}")

    def _has_bad_data(self, step: int) -> bool:
        """Whether a training batch holds a number that is not finite; batches that are read in order are gone."""
        if step < 0 or not self.sensor.sliceable:
            return False
        floats = (tensor for tensor in self.sensor.batch(step) if tensor.dtype.is_floating)
        return any(not np.isfinite(tensor.numpy()).all() for tensor in floats)

    def _saved_variables(self) -> dict[str, tf.Variable]:
        """Everything a checkpoint holds, by name."""
        saved = {f"brain/{n}": v for n, v in self.brain.named_variables().items()}
        saved |= {f"kongfu/{n}": v for n, v in self.kongfu.slots.items()}
        if self.moving_average is not None:
            saved |= {f"moving_average/{n}": v for n, v in self.moving_average.slots.items()}
        return saved | {"step": self.engine.step}
