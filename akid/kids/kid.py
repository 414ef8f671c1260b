"""Kid: assembles a sensor, a brain and a kongfu, and practises. The loop is in the open."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.checks import Check, optional
from akid.engines import Duty, Engine
from akid.engines.threads import settle_threads
from akid.errors import AkidError
from akid.inference.export import export_brain
from akid.inference.predictor import Predictor, predictor_of
from akid.inference.signature import Signature
from akid.kids import options
from akid.kids.following import Following
from akid.kids.hooks import KidHook, KidHooks
from akid.kids.practice import Practice
from akid.kids.run import Run
from akid.kids.run_state import OfState, RunState
from akid.kids.schedule import Schedule
from akid.kids.stopping import EarlyStopping, Goal, Standing
from akid.kongfus import KongFu, MomentumKongFu
from akid.kongfus.moving_average import MovingAverage
from akid.runs.run_dir import RunDir
from akid.sensors.sensor import Sensor

#: What a Kid is made of when it is set up.
_FIXED_BY_SETUP = frozenset(
    ("sensor", "brain", "kongfu", "engine", "moving_average", "seed", "deterministic", "debug", "keep_checkpoints")
)


class Kid:
    """Practises with a sensor, a brain and a kongfu (paper, section 3.2.1).

    Args:
        sensor: what it perceives; the paper's ``sensor_in`` is accepted too, likewise ``brain_in``, ``kongfu_in``.
        brain: what learns.
        kongfu: how it learns; momentum with its default learning rate if left out.
        engine: where a step runs: a name, ``{"name": ..., **options}``, or an `Engine`.
        max_steps: practise so many steps; exactly one of this and ``max_epoch``.
        max_epoch: practise until every training example was seen so often.
        log_dir: the run directory, see `RunDir`; ``log/<time>`` if left out. If it holds checkpoints of this Kid,
            practice goes on from the newest.
        train_log_step, val_log_step: log the training loss, and validate, every so many steps.
        checkpoint_step: save every so many steps; as often as ``val_log_step`` if left out.
        save_chk_point: whether to save at all.
        keep_checkpoints: how many of the latest checkpoints are kept.
        best_metric: which validation is the best: ``loss``, a measure, or ``{"metric": ..., "goal": "max"}``.
        early_stopping: ``{"patience": validations, "min_delta": number}``; by ``best_metric``.
        moving_average_decay: keep a moving average of the parameters, in [0.5, 1); it is put in their place for
            validation, prediction and export, never for training.
        do_summary: whether TensorBoard events are written, every ``summary_step`` steps.
        summary_step: for histograms; scalars go with the logs.
        seed: of everything random.
        deterministic: ask TensorFlow for bitwise reproducible operations, from the set-up on; there is no way
            back, so later Kids of the process have them too.
        debug: check every block's output for NaN and infinity, and name the first block that has one.
        progress: False shows nothing; None a line on a terminal, JSON lines elsewhere.
        name: of the Kid.

    Attributes:
        loss, evals: the last training loss that was logged, and the measures with it.
        val_loss, val_evals: of the last validation.
        standing: how the validations compare.
    """

    loss, evals = OfState[float](), OfState[dict[str, float]]()
    val_loss, val_evals = OfState[float](), OfState[dict[str, float]]()
    standing = OfState[Standing]()

    def __init__(
        self,
        sensor: Sensor | None = None,
        brain: Brain | None = None,
        kongfu: KongFu | None = None,
        engine: str | Mapping[str, Any] | Engine = "single",
        max_steps: int | None = None,
        max_epoch: int | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        train_log_step: int = 100,
        val_log_step: int = 1000,
        checkpoint_step: int | None = None,
        save_chk_point: bool = True,
        keep_checkpoints: int = 3,
        best_metric: str | Mapping[str, Any] = "loss",
        early_stopping: int | Mapping[str, Any] | EarlyStopping | None = None,
        moving_average_decay: float | None = None,
        do_summary: bool = True,
        summary_step: int | None = None,
        seed: int = 0,
        deterministic: bool = False,
        debug: bool = False,
        progress: bool | None = None,
        name: str | None = None,
        *,
        sensor_in: Sensor | None = None,
        brain_in: Brain | None = None,
        kongfu_in: KongFu | None = None,
    ) -> None:
        self.name = optional(Check().text, "name", name) or "kid"
        self.sensor = options.part(Sensor, sensor=sensor, sensor_in=sensor_in)
        self.brain = options.part(Brain, brain=brain, brain_in=brain_in)
        self.kongfu = options.part(KongFu, MomentumKongFu, kongfu=kongfu, kongfu_in=kongfu_in)
        self.engine = Engine.of(engine)
        options.check_length(max_steps, max_epoch)
        self.max_steps, self.max_epoch = max_steps, max_epoch
        default_dir = Path("log") / time.strftime("%Y-%m-%d_%H-%M-%S")
        self._log_dir = Path(optional(Check().path, "log_dir", log_dir) or default_dir)
        options.check_counts(train_log_step=train_log_step, val_log_step=val_log_step, summary_step=summary_step)
        options.check_counts(checkpoint_step=checkpoint_step, keep_checkpoints=keep_checkpoints)
        options.check_flags(save_chk_point=save_chk_point, do_summary=do_summary, deterministic=deterministic)
        options.check_flags(debug=debug, progress=progress)
        self.train_log_step, self.val_log_step = train_log_step, val_log_step
        self.checkpoint_step = checkpoint_step
        self.save_chk_point, self.keep_checkpoints = save_chk_point, keep_checkpoints
        self.best_metric = Goal.of(best_metric)
        self.early_stopping = EarlyStopping.of(early_stopping)
        self.moving_average = None if moving_average_decay is None else MovingAverage(moving_average_decay)
        self.do_summary, self.summary_step = do_summary, summary_step
        self.seed, self.deterministic, self.debug = Check().integer("seed", seed, least=None), deterministic, debug
        self.show_progress = progress
        self.hooks = KidHooks()
        self._state = RunState()
        self._run: Run | None = None
        self._predictors: dict[bool, Predictor] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute.

        Raises:
            AkidError: it can make no difference any more.
        """
        if name in _FIXED_BY_SETUP and getattr(self, "_run", None) is not None:
            raise AkidError(
                f"{name} cannot be changed once the Kid is set up; set it before setup()."
                f" Received: {name}={value!r}"
            )
        super().__setattr__(name, value)

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
        return self._schedule()

    def _schedule(self) -> Schedule:
        """What is due when, of a sensor that is set up."""
        return Schedule(
            last=options.last_step(self.sensor, self.max_steps, self.max_epoch),
            train_log=self.train_log_step,
            val_log=self.val_log_step if self.sensor.size("val") > 0 else 0,
            checkpoint=(self.checkpoint_step or self.val_log_step) if self.save_chk_point else 0,
            summary=(self.summary_step or self.train_log_step) if self.do_summary else 0,
            batch_size=self.sensor.batch_size,
            epoch_size=self.sensor.size("train"),
        )

    def setup(self) -> None:
        """Load the data, build the brain, and put the newest checkpoint of the run directory in, if there is one.

        Raises:
            AkidError: ``max_epoch`` is given for data without an end.
            DataError: the data are missing, or the run directory is of another Kid.
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
        self._check_goal()
        self._schedule()
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
        )

    def _check_goal(self) -> None:
        goal, stops = Goal.of(self.best_metric), self.early_stopping is not None
        options.check_goal(goal, stops, self.engine.evals, self.sensor.size("val") > 0)

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
        self._check_goal()
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

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """The context in which the parameters are their moving averages, if those are kept."""
        return contextlib.nullcontext() if self.moving_average is None else self.moving_average.swap()

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
