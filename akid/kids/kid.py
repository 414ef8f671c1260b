"""Kid: assembles a sensor, a brain and a kongfu, and practises. The loop is in the open."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from akid.backend import tf
from akid.blocks.block import Signal
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.engines import Engine, Report, Tally
from akid.engines.base import forever
from akid.engines.threads import settle_threads
from akid.errors import DataError, NotFiniteError
from akid.inference.export import export_brain, missing_checkpoint
from akid.inference.predictor import Predictor, predictor_of
from akid.inference.signature import Signature
from akid.kids.hooks import KidHook, KidHooks
from akid.kids.options import check_can_learn, check_counts, check_goal, check_length, needed
from akid.kids.practice import Practice
from akid.kids.state import checkpoints_of, not_finite, put_back, schedule_of, state_of
from akid.kids.stopping import EarlyStopping, Goal, Standing, short_names_of
from akid.kongfus import KongFu, MomentumKongFu
from akid.kongfus.moving_average import MovingAverage
from akid.runs.run_dir import RunDir
from akid.sensors.sensor import Sensor


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
        deterministic: ask TensorFlow for bitwise reproducible operations.
        debug: check every block's output for NaN and infinity, and name the first block that has one.
        progress: False shows nothing; None a line on a terminal, JSON lines elsewhere.
        name: of the Kid.
    """

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
        self.name = name or "kid"
        self.sensor = needed(sensor if sensor is not None else sensor_in, Sensor, "sensor")
        self.brain = needed(brain if brain is not None else brain_in, Brain, "brain")
        default = MomentumKongFu() if kongfu_in is None else kongfu_in
        self.kongfu = needed(default if kongfu is None else kongfu, KongFu, "kongfu")
        self.engine = Engine.of(engine)
        check_length(max_steps, max_epoch)
        self.max_steps, self.max_epoch = max_steps, max_epoch
        self.log_dir = Path(log_dir or Path("log") / time.strftime("%Y-%m-%d_%H-%M-%S"))
        check_counts(
            train_log_step=train_log_step,
            val_log_step=val_log_step,
            checkpoint_step=checkpoint_step,
            keep_checkpoints=keep_checkpoints,
            summary_step=summary_step,
        )
        self.train_log_step, self.val_log_step = train_log_step, val_log_step
        self.checkpoint_step = val_log_step if checkpoint_step is None else checkpoint_step
        self.save_chk_point, self.keep_checkpoints = save_chk_point, keep_checkpoints
        self.goal = Goal.of(best_metric)
        self.early_stopping = EarlyStopping.of(early_stopping)
        self.moving_average = None if moving_average_decay is None else MovingAverage(moving_average_decay)
        self.do_summary, self.summary_step = do_summary, summary_step
        self.seed, self.deterministic, self.debug = seed, deterministic, debug
        self.show_progress = progress
        self._begin()

    def _begin(self) -> None:
        """Nothing practised yet."""
        self.hooks = KidHooks()
        self.standing, self.tally = Standing(), Tally()
        self.loss = self.val_loss = math.nan
        self.evals: dict[str, float] = {}
        self.val_evals: dict[str, float] = {}
        self.validated_step = -1
        self._ready = False
        self._predictors: dict[bool, Predictor] = {}

    @property
    def step(self) -> int:
        """The clock: how many updates were made."""
        return int(self.engine.step) if self._ready else 0

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return self.schedule.epoch(self.step)

    def setup(self) -> None:
        """Load the data, build the brain, and put the newest checkpoint of the run directory in, if there is one.

        Raises:
            DataError: the data are missing, or the run directory is of another Kid.
        """
        if self._ready:
            return
        self.run_dir = RunDir(self.log_dir)
        self.sensor.setup(self.seed)
        settle_threads(self.brain, self.sensor, self.run_dir.runtime)
        if self.deterministic:
            tf.config.experimental.enable_op_determinism()
        self.engine.setup(
            self.brain,
            self.kongfu,
            self.sensor,
            seed=self.seed,
            debug=self.debug,
            moving_average=self.moving_average,
        )
        evals, has_validation = self.engine.evals, self.sensor.size("val") > 0
        check_goal(self.goal, self.early_stopping is not None, evals, has_validation)
        self.schedule = schedule_of(self)
        self.checkpoints = checkpoints_of(self)
        self._ready = True
        meta = self.checkpoints.restore()
        if meta is not None:
            put_back(self, meta)

    def restore(self, best: bool = False) -> None:
        """Go back to a checkpoint of the run directory.

        Args:
            best: the best one instead of the newest.

        Raises:
            DataError: there is none.
        """
        self.setup()
        meta = self.checkpoints.restore(best)
        if meta is None:
            raise DataError(missing_checkpoint(self.run_dir, best))
        put_back(self, meta)

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
            SystemExit: code 143, after SIGTERM and a last checkpoint.
            KeyboardInterrupt: after SIGINT and a last checkpoint.
        """
        self.setup()
        check_can_learn(self.engine.losses, self.brain.parameters, self.brain.name)
        with self.run_dir.alone():
            Practice(self).run()
        loss = self.val_loss if self.sensor.size("val") else self.loss
        return (loss, dict(self.val_evals)) if return_eval else loss

    def save(self, is_best: bool = False) -> None:
        """Save a checkpoint, in the background.

        Raises:
            NotFiniteError: a parameter is NaN or infinite; the checkpoints before are kept.
        """
        try:
            self.checkpoints.save(self.step, state_of(self), is_best)
        except NotFiniteError as error:
            raise not_finite(self, str(error)) from None

    def validate(self, split: str = "val") -> tuple[float, dict[str, float]]:
        """The loss and the measures over a whole split, weighted by examples.

        Args:
            split: ``val``, ``test`` or ``train``.

        Raises:
            DataError: the split is empty, or there is no such split.
        """
        self.setup()
        return self.evaluate(split)

    def evaluate(self, split: str, go_on: Callable[[], bool] = forever) -> tuple[float, dict[str, float]]:
        """Like `validate`, given up if ``go_on`` says no; see `Engine.evaluate`."""
        with self.averaged():
            report: Report = self.engine.evaluate(split, go_on)
        return report.loss, short_names_of(report.evals)

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
        self.setup()
        with self.averaged():
            target = directory or self.run_dir.export
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

    def call(self, hooks: list[KidHook]) -> None:
        """Call hooks, in order."""
        for hook in hooks:
            hook(self)
