"""Kid: assembles a sensor, a brain and a kongfu, and practises. The loop is in the open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.trip import Trip
from akid.engines import Duty
from akid.engines.threads import settle_threads
from akid.errors import AkidError
from akid.inference.export import export_brain
from akid.inference.predictor import Predictor, predictor_of
from akid.inference.signature import Signature
from akid.kids import options
from akid.kids.arguments import KidArguments
from akid.kids.following import Following
from akid.kids.hooks import KidHook, KidHooks
from akid.kids.initialization import Initialization
from akid.kids.practice import Practice
from akid.kids.run import Run
from akid.kids.run_state import OfState, RunState
from akid.kids.schedule import Schedule
from akid.kids.stopping import EarlyStopping, Goal, Standing
from akid.runs.run_dir import RunDir


class Kid(KidArguments):
    """Practises with a sensor, a brain and a kongfu (paper, section 3.2.1).

    Its arguments are those of `KidArguments`.

    Attributes:
        loss, evals: the last training loss that was logged, and the measures with it.
        val_loss, val_evals: of the last validation.
        standing: how the validations compare.
        params: what its template was filled in with, for TensorBoard's page of hyper parameters and for experiment
            trackers.
    """

    loss, evals = OfState[float](), OfState[dict[str, float]]()
    val_loss, val_evals = OfState[float](), OfState[dict[str, float]]()
    standing = OfState[Standing]()

    def _begin(self) -> None:
        self.hooks = KidHooks()
        self._state = RunState()
        self.params: Mapping[str, Any] = {}
        self._run: Run | None = None
        self._predictors: dict[bool, Predictor] = {}

    @property
    def is_set_up(self) -> bool:
        """Whether what the Kid is made of cannot be changed any more."""
        return getattr(self, "_run", None) is not None

    @property
    def log_dir(self) -> Path:
        """The run directory; set anew, the Kid goes on there, from its newest checkpoint if it has one."""
        return self._log_dir

    @log_dir.setter
    def log_dir(self, path: str | os.PathLike[str]) -> None:
        self._log_dir = Path(path)
        if self._run is not None:
            self._run.enter(RunDir(path))

    @property
    def step(self) -> int:
        """The clock: how many updates were made."""
        return self._run.step if self._run else 0

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return self.schedule.epoch(self.step)

    @property
    def schedule(self) -> Schedule:
        """What is due when."""
        self.setup()
        return self.schedule_of_arguments()

    @property
    def initialization(self) -> Initialization | None:
        """What the brain took from another run when this one began; None if nothing."""
        return self._ready().initialization

    def setup(self) -> None:
        """Load the data, build the brain, and put the newest checkpoint of the run directory in, if there is one.

        Raises:
            AkidError: ``max_epoch`` is given for data without an end.
            DataError: the data are missing, the run directory is of another Kid, or ``initialize_from`` is.
        """
        if self._run is not None:
            return
        if self.engine.duty is Duty.SERVE:
            raise AkidError(
                f"engine {self.engine.name!r}: this process is there to serve the chief; it has no data, and"
                " nothing can be asked of it. Call practice() and nothing else."
            )
        with self.engine.peer_errors():
            self._set_up()

    def _set_up(self) -> None:
        directory = RunDir(self.log_dir)
        self.sensor = self.sensor.for_seed(self.seed)
        self.sensor.setup(self.seed)
        settle_threads(self.brain, self.sensor, directory.runtime)
        if self.deterministic:
            tf.config.experimental.enable_op_determinism()
        learners = self.brain, self.kongfu, self.sensor
        common = {"seed": self.seed, "debug": self.debug}
        self.engine.setup(*learners, **common, moving_average=self.moving_average)
        self.check_goal()
        self.schedule_of_arguments()
        self._run = Run(
            self.sensor,
            self.brain,
            self.kongfu,
            self.moving_average,
            self.engine,
            **common,
            keep_checkpoints=self.keep_checkpoints,
            directory=directory,
            state=self._state,
            initialize_from=self.initialize_from,
        )

    def _ready(self) -> Run:
        self.setup()
        assert self._run is not None
        return self._run

    def restore(self, best: bool = False) -> None:
        """Go back to a checkpoint of the run directory.

        Args:
            best: the best one instead of the newest.

        Raises:
            DataError: there is none.
        """
        self._ready().restore(best)

    def practice(self, return_eval: bool = False) -> Any:
        """Practise up to ``max_steps`` or ``max_epoch``, from where the run directory stands.

        Args:
            return_eval: give the measures of the last validation too.

        Returns:
            The last validation loss (the training loss without a validation split); with ``return_eval`` a pair
            of it and the measures by name.

        Raises:
            AkidError: the brain has no loss, or no parameters.
            DataError: the run directory cannot be written.
            StorageError: the disk is full, or another process practises there.
            NotFiniteError: the loss became NaN or infinite; the checkpoints before that are kept.
            PeerLostError: another process of the run is gone.
            SystemExit: code 143, after SIGTERM and a last checkpoint, and whenever a process ends that only serves
                others.
            KeyboardInterrupt: after SIGINT and a last checkpoint.
        """
        if self.engine.duty is Duty.SERVE:
            self.engine.serve()
        run = self._ready()
        if self.engine.duty is Duty.FOLLOW:
            Following(run, self.schedule, self.show_progress).run()
        else:
            with self.engine.peer_errors():
                self._practise(run)
        loss = self.val_loss if self.sensor.size("val") else self.loss
        return (loss, dict(self.val_evals)) if return_eval else loss

    def _practise(self, run: Run) -> None:
        options.check_can_learn(self.engine.losses, self.brain.parameters, self.brain.name)
        self.check_goal()
        with run.run_dir.alone() if self.engine.is_chief else contextlib.nullcontext():
            Practice(
                run,
                self.schedule,
                goal=Goal.of(self.best_metric),
                early_stopping=EarlyStopping.of(self.early_stopping),
                hooks=self.hooks,
                call=self.call,
                show=self.show_progress,
                reached="max_steps" if self.max_steps is not None else "max_epoch",
                params=self.params,
            ).run()

    def save(self, is_best: bool = False) -> None:
        """Save a checkpoint, in the background.

        Raises:
            NotFiniteError: a parameter is NaN or infinite; the checkpoints before are kept.
        """
        self._ready().save(is_best)

    def validate(self, split: str = "val") -> tuple[float, dict[str, float]]:
        """The loss and the measures over a whole split, weighted by examples.

        Args:
            split: ``val``, ``test`` or ``train``.

        Raises:
            DataError: the split is empty, or there is no such split.
        """
        return self._ready().evaluate(split)

    def predict(
        self, data: Signal, outputs: Sequence[str] | None = None, raw: bool = False
    ) -> dict[str, np.ndarray]:
        """What the brain infers from data without labels, by full name, the main output first; see `Predictor`.

        Args:
            data: ``[examples, ...]`` as the sensor gives them; a list of such if the brain takes several inputs.
            outputs: names of the outputs wanted; all if left out.
            raw: the data are as the source gives them: they are normalised, and the jokers of the test split play.

        Raises:
            AkidError: there is no such output; with a near match.
            DataError: the data have another shape than the brain takes.
        """
        self.setup()
        if raw not in self._predictors:
            self._predictors[raw] = predictor_of(self.brain, self.sensor, self.seed, raw)
        with self.averaged():
            return self._predictors[raw](data, outputs, self.sensor.val_batch_size)

    def export(self, directory: str | os.PathLike[str] | None = None) -> Path:
        """Write a SavedModel; see `akid.inference.export.export_brain`.

        Args:
            directory: ``export/`` in the run directory if left out.

        Returns:
            Where it is.
        """
        run = self._ready()
        with self.averaged():
            target = directory or run.run_dir.export
            return export_brain(self.brain, Signature.of(self.sensor), target, self.sensor, self.seed)

    def data(self, name: str, split: str = "train") -> Any:
        """A block's output for the first batch of a split, in inference mode (paper, section 3.1.1).

        Args:
            name: full name of the block.
            split: ``train``, ``val`` or ``test``.

        Raises:
            KeyError: there is no such block; with a near match.
        """
        self.setup()
        self.brain.block(name)
        trip = Trip(seed=self.seed, keep={name})
        with self.averaged():
            self.brain(self.sensor.batch(0, split), trip)
        return trip.data[name]

    def call(self, hooks: Sequence[KidHook]) -> None:
        """Call hooks, in order."""
        for hook in hooks:
            hook(self)
