"""The arguments of a Kid: what it is told, checked before anything is loaded."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from akid.blocks.brain import Brain
from akid.checks import Check, optional
from akid.engines import Engine
from akid.errors import AkidError
from akid.kids import options
from akid.kids.initialization import InitializeFrom
from akid.kids.schedule import Schedule
from akid.kids.stopping import EarlyStopping, Goal
from akid.kongfus import KongFu, MomentumKongFu
from akid.kongfus.moving_average import MovingAverage
from akid.sensors.sensor import Sensor

#: What a Kid is made of when it is set up.
_FIXED_BY_SETUP = frozenset(
    (
        *("sensor", "brain", "kongfu", "engine", "moving_average", "seed", "deterministic", "debug"),
        *("keep_checkpoints", "initialize_from"),
    )
)
#: Arguments that are kept under another name.
_ATTRIBUTES = {
    "progress": "show_progress",
    "moving_average_decay": "moving_average",
    "sensor_in": "sensor",
    "brain_in": "brain",
    "kongfu_in": "kongfu",
}


class KidArguments:
    """What a `Kid` is told.

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
        initialize_from: a run directory, or one of its checkpoints, from which the brain takes its first values by
            name, shape and dtype; or ``{"path": ..., "best": True, "strict": True, "exclude": ["logits/*"]}``, see
            `InitializeFrom`. What matched is told by `Kid.initialization`. A run that goes on loads nothing.
        do_summary: whether TensorBoard events are written, every ``summary_step`` steps.
        summary_step: for histograms; scalars go with the logs.
        seed: of everything random.
        deterministic: ask TensorFlow for bitwise reproducible operations, from the set-up on; there is no way
            back, so later Kids of the process have them too.
        debug: check every block's output for NaN and infinity, and name the first block that has one.
        progress: False shows nothing; None a line on a terminal, JSON lines elsewhere.
        name: of the Kid.
    """

    _complete = False

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
        initialize_from: str | os.PathLike[str] | Mapping[str, Any] | InitializeFrom | None = None,
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
        self.initialize_from = InitializeFrom.of(initialize_from)
        self.do_summary, self.summary_step = do_summary, summary_step
        self.seed, self.deterministic, self.debug = Check().integer("seed", seed, least=None), deterministic, debug
        self.show_progress = progress
        self._begin()
        self._complete = True

    @property
    def is_set_up(self) -> bool:
        """Whether what the Kid is made of cannot be changed any more."""
        return False

    def _begin(self) -> None:
        """Called once the arguments are there."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute.

        Raises:
            AkidError: it can make no difference any more, or never could.
        """
        if name in _FIXED_BY_SETUP and self.is_set_up:
            raise AkidError(
                f"{name} cannot be changed once the Kid is set up; set it before setup()."
                f" Received: {name}={value!r}"
            )
        if self._complete and not name.startswith("_") and not hasattr(self, name):
            public = [known for known in dir(self) if not known.startswith("_")]
            near = _ATTRIBUTES.get(name) or next(iter(get_close_matches(name, public, 1, cutoff=0.8)), None)
            if near:
                raise AkidError(
                    f"a Kid has no {name}: set like this it would change nothing. Did you mean {near!r}?"
                    f" Received: {name}={value!r}"
                )
        super().__setattr__(name, value)

    def schedule_of_arguments(self) -> Schedule:
        """What is due when; the sensor is set up.

        Raises:
            AkidError: ``max_epoch`` is given for data without an end.
        """
        return Schedule(
            last=options.last_step(self.sensor, self.max_steps, self.max_epoch),
            train_log=self.train_log_step,
            val_log=self.val_log_step if self.sensor.size("val") > 0 else 0,
            checkpoint=(self.checkpoint_step or self.val_log_step) if self.save_chk_point else 0,
            summary=(self.summary_step or self.train_log_step) if self.do_summary else 0,
            batch_size=self.sensor.batch_size,
            epoch_size=self.sensor.size("train"),
        )

    def check_goal(self) -> None:
        """See that what is to be the best is measured; the engine is set up.

        Raises:
            AkidError: it is not.
        """
        goal, stops = Goal.of(self.best_metric), self.early_stopping is not None
        options.check_goal(goal, stops, self.engine.evals, self.sensor.size("val") > 0)

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """The context in which the parameters are their moving averages, if those are kept."""
        return contextlib.nullcontext() if self.moving_average is None else self.moving_average.swap()
