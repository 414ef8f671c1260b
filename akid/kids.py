"""Kid: assembles a sensor, a brain and a kongfu, and practises. The loop is in the open."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from akid.backend import tf
from akid.blocks import Signal
from akid.brains import Brain
from akid.checkpoints import Checkpoints
from akid.engines import Engine
from akid.errors import AkidError, NotFiniteError
from akid.hooks import KidHook, KidHooks
from akid.kongfus import KongFu, MomentumKongFu
from akid.moving_average import MovingAverage
from akid.practice import Practice, short_names_of
from akid.run_dir import RunDir
from akid.schedule import Schedule
from akid.sensors import Sensor
from akid.stopping import EarlyStopping, Goal, Standing
from akid.threads import settle_threads
from akid.trips import Trip


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
        self.sensor = _needed(sensor or sensor_in, Sensor, "sensor")
        self.brain = _needed(brain if brain is not None else brain_in, Brain, "brain")
        self.kongfu = _needed(kongfu or kongfu_in or MomentumKongFu(), KongFu, "kongfu")
        self.engine = Engine.of(engine)
        _check_length(max_steps, max_epoch)
        self.max_steps, self.max_epoch = max_steps, max_epoch
        self.log_dir = Path(log_dir or Path("log") / time.strftime("%Y-%m-%d_%H-%M-%S"))
        self.train_log_step, self.val_log_step = train_log_step, val_log_step
        self.checkpoint_step = val_log_step if checkpoint_step is None else checkpoint_step
        self.save_chk_point, self.keep_checkpoints = save_chk_point, keep_checkpoints
        self.goal = Goal.of(best_metric)
        self.early_stopping = EarlyStopping.of(early_stopping)
        self.moving_average = None if moving_average_decay is None else MovingAverage(moving_average_decay)
        self.do_summary, self.summary_step = do_summary, summary_step
        self.seed, self.deterministic, self.debug = seed, deterministic, debug
        self.hooks = KidHooks()
        self.standing = Standing()
        self.loss = math.nan
        self.evals: dict[str, float] = {}
        self.val_loss = math.nan
        self.val_evals: dict[str, float] = {}
        self.show_progress = progress
        self._ready = False

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
        self.schedule = self._make_schedule()
        self.checkpoints = Checkpoints(
            self.run_dir.checkpoints, self.run_dir.best, self._saved_variables(), self.keep_checkpoints
        )
        self._ready = True
        self._resume(self.checkpoints.restore())

    def _make_schedule(self) -> Schedule:
        batch, size = self.sensor.batch_size, self.sensor.size("train")
        last = self.max_steps if self.max_steps is not None else math.ceil((self.max_epoch or 0) * size / batch)
        summary = (self.summary_step or self.train_log_step) if self.do_summary else 0
        checkpoint = self.checkpoint_step if self.save_chk_point else 0
        val = self.val_log_step if self.sensor.size("val") else 0
        return Schedule(last, self.train_log_step, val, checkpoint, summary, batch, size)

    def _saved_variables(self) -> dict[str, tf.Variable]:
        saved = {f"brain/{n}": v for n, v in self.brain.named_variables().items()}
        saved |= {f"kongfu/{n}": v for n, v in self.kongfu.slots.items()}
        if self.moving_average is not None:
            saved |= {f"moving_average/{n}": v for n, v in self.moving_average.slots.items()}
        return saved | {"step": self.engine.step}

    def _resume(self, meta: Mapping[str, Any] | None) -> None:
        if meta is None:
            return
        self.standing = Standing(**meta["standing"])
        if meta.get("lr") is not None:
            self.kongfu.lr_scheme.restore(meta["lr"])

    def practice(self, return_eval: bool = False) -> Any:
        """Practise up to ``max_steps`` or ``max_epoch``, from where the run directory stands.

        Args:
            return_eval: give the measures of the last validation too.

        Returns:
            The last validation loss (the training loss without a validation split); with ``return_eval`` a pair
            of it and the measures by name.

        Raises:
            NotFiniteError: the loss became NaN or infinite; the checkpoints before that are kept.
            SystemExit: code 143, after SIGTERM and a last checkpoint.
            KeyboardInterrupt: after SIGINT and a last checkpoint.
        """
        self.setup()
        Practice(self).run()
        loss = self.val_loss if self.sensor.size("val") else self.loss
        return (loss, dict(self.val_evals)) if return_eval else loss

    def save(self, is_best: bool = False) -> None:
        """Save a checkpoint, in the background.

        Raises:
            NotFiniteError: a parameter is NaN or infinite; the checkpoints before are kept.
        """
        variables = self.brain.named_variables().values()
        total = tf.add_n([tf.reduce_sum(tf.cast(v, tf.float32)) for v in variables])
        if not math.isfinite(float(total)):
            raise self.not_finite("A parameter is not finite")
        meta = {"standing": dataclasses.asdict(self.standing), "lr": self.kongfu.lr_scheme.state()}
        self.checkpoints.save(self.step, meta, is_best)

    def not_finite(self, what: str) -> NotFiniteError:
        """The error for a loss or a parameter that became NaN or infinite."""
        return NotFiniteError(
            f"{what} at step {self.step}. The checkpoints before it are kept in {self.run_dir.checkpoints}."
            " Try a smaller learning rate or clip_global_norm; debug=True names the first block."
        )

    def validate(self, split: str = "val") -> tuple[float, dict[str, float]]:
        """The loss and the measures over a whole split, weighted by examples.

        Args:
            split: ``val``, ``test`` or ``train``.
        """
        self.setup()
        with self._averaged():
            report = self.engine.evaluate(split)
        return report.loss, short_names_of(report.evals)

    def _averaged(self) -> contextlib.AbstractContextManager[None]:
        """The context in which the parameters are their moving averages, if those are kept."""
        return contextlib.nullcontext() if self.moving_average is None else self.moving_average.swap()

    def predict(self, data: Signal, outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """What the brain infers from data without labels; see `Brain.predict`.

        Args:
            data: ``[examples, ...]`` as the sensor gives them.
            outputs: names of the outputs wanted; all if left out.
        """
        self.setup()
        with self._averaged():
            found = self.brain.predict(data)
        return {name: tensor.numpy() for name, tensor in found.items() if not outputs or name in outputs}

    def data(self, name: str, split: str = "val") -> Any:
        """A block's output for the first batch of a split.

        Args:
            name: full name of the block.
            split: ``train``, ``val`` or ``test``.
        """
        self.setup()
        self.brain.block(name)
        trip = Trip(seed=self.seed, keep={name})
        self.brain(self.sensor.batch(0, split), trip)
        return trip.data[name]

    def call(self, hooks: list[KidHook]) -> None:
        """Call hooks, in order."""
        for hook in hooks:
            hook(self)


def _needed(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise AkidError(f"A Kid needs a {name}: expected a {kind.__name__}. Received: {name}={value!r}")
    return value


def _check_length(max_steps: int | None, max_epoch: int | None) -> None:
    given = {"max_steps": max_steps, "max_epoch": max_epoch}
    numbers = [n for n in given.values() if n is not None]
    if len(numbers) != 1 or not isinstance(numbers[0], int) or numbers[0] < 0:
        raise AkidError(f"A Kid needs exactly one of max_steps and max_epoch, an integer >= 0. Received: {given}")
