"""Tuning: one kid with many parameters, each of them a job of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from akid.errors import DataError
from akid.job.api.base import Model, ReportedModel, one_of, refuse
from akid.job.space import space_of

MAX_TRIALS = 1000
GoalName = Literal["min", "max"]
Metric = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_ ./:@-]*$")]
Parameters = dict[str, Any]
Settings = Annotated[list[Parameters], Field(min_length=1, max_length=MAX_TRIALS)]
Count = Annotated[int, Field(ge=0)]
# The numbers of as many trials as there may be, in the worst case.
Indexes = Annotated[str, Field(max_length=8192)]


class RandomSearch(Model):
    """Parameters drawn at random."""

    trials: int = Field(ge=1, le=MAX_TRIALS, description="How many draws.")
    seed: int = Field(default=0, ge=0, le=2**53, description="Of the draws; the same seed gives the same ones.")
    net_paras: Parameters = Field(
        default_factory=dict,
        description=(
            "By name, a list to choose from, or a range: low, high (integers, if both are whole numbers), "
            "log: true for what spans orders of magnitude, or a step. In templates: net_paras."
        ),
    )
    opt_paras: Parameters = Field(
        default_factory=dict, description="The same for the optimization. In templates: opt_paras."
    )

    @model_validator(mode="after")
    def _has_axes(self) -> Self:
        try:
            space_of(self.net_paras, self.opt_paras)
        except DataError as error:
            refuse((True, "", str(error)))
        return self


class Objective(Model):
    """What the trials are to make small or large."""

    metric: Metric = Field(
        default="val_loss",
        description="A measure by its name in metrics.jsonl: val_loss, val_accuracy, loss, ...",
    )
    goal: GoalName | None = Field(
        default=None, description="By default min for losses and errors, max for all others."
    )

    @property
    def direction(self) -> GoalName:
        """Which way is better."""
        last = self.metric.removeprefix("val_").rsplit("/", 1)[-1]
        return self.goal or ("min" if last in ("loss", "error") else "max")


class EarlyStopping(Model):
    """When a trial is stopped since others were better (the median rule of Golovin et al., 2017)."""

    rule: Literal["median"] = Field(
        default="median",
        description=(
            "median: a trial is stopped when its best value so far is worse than the median of the averages that "
            "trials which succeeded had by the same step."
        ),
    )
    min_trials: int = Field(
        default=3, ge=1, le=MAX_TRIALS, description="Trials that must have succeeded before one is stopped."
    )
    start_step: int = Field(default=0, ge=0, le=2**53, description="No trial is stopped before this step.")


class Tune(Model):
    """Trials of one kid: every pair of parameters, or draws at random."""

    net_paras: Settings | None = Field(
        default=None,
        description="Parameters of the network, a mapping for each setting. In templates: net_paras.",
    )
    opt_paras: Settings | None = Field(
        default=None,
        description=(
            "Parameters of the optimization, a mapping for each setting; each is tried with each of netParas. "
            "In templates: opt_paras."
        ),
    )
    random: RandomSearch | None = Field(default=None, description="Draws at random, in place of every pair.")
    repeats: int = Field(
        default=1, ge=1, le=MAX_TRIALS,
        description="How often each is trained, with a seed of its own each time. In templates: repeat, from 0.",
    )  # fmt: skip
    parallelism: int = Field(
        default=1, ge=1, le=MAX_TRIALS, description="Trials at a time at most; may be changed at any time."
    )
    max_failed_trials: Annotated[int, Field(ge=0, le=MAX_TRIALS)] | None = Field(
        default=None,
        description="With more failed trials than this the job fails; by default only if none succeeds.",
    )
    objective: Objective = Field(
        default_factory=Objective, description="What the trials are to make small or large."
    )
    early_stopping: EarlyStopping | None = Field(
        default=None, description="When hopeless trials are stopped; by default never."
    )

    @model_validator(mode="after")
    def _has_trials(self) -> Self:
        grid = self.net_paras or self.opt_paras
        refuse(
            one_of({"netParas or optParas": grid, "random": self.random}),
            (self.trials > MAX_TRIALS, "", f"expected at most {MAX_TRIALS} trials, received {self.trials}."),
        )
        return self

    @property
    def trials(self) -> int:
        """How many there are."""
        grid = max(1, len(self.net_paras or ())) * max(1, len(self.opt_paras or ()))
        return self.repeats * (self.random.trials if self.random else grid)


class Trials(ReportedModel):
    """How many trials stand how."""

    total: Count = Field(description="All of them.")
    pending: Count = Field(description="Not begun.")
    running: Count = Field(description="Begun, and not over.")
    succeeded: Count = Field(description="Succeeded.")
    failed: Count = Field(description="Failed.")
    stopped: Count = Field(description="Stopped early.")
    finished: str = Field(default="", max_length=32, description="Those that are over, of all, e.g. 7/12.")
    succeeded_indexes: Indexes = Field(default="", description="Numbers of those that succeeded, e.g. 0,2-4.")
    failed_indexes: Indexes = Field(default="", description="Numbers of those that failed.")
    stopped_indexes: Indexes = Field(default="", description="Numbers of those that were stopped early.")


class Best(ReportedModel):
    """The trial with the best value of the objective that was reported."""

    trial: Count = Field(description="Its number.")
    name: str = Field(max_length=253, description="Its job's name.")
    parameters: Parameters = Field(
        default_factory=dict, description="Its netParas, optParas and repeat, as the template was given them."
    )
    metric: str = Field(max_length=128, description="The measure.")
    value: float = Field(description="Its best value.")
    step: Count | None = Field(default=None, description="The step it was measured at.")
    checkpoint: str = Field(
        default="", max_length=1024,
        description="The directory of its best checkpoint on the log volume; empty without one.",
    )  # fmt: skip


class Measured(ReportedModel):
    """A value of the objective, at a step."""

    step: Count = Field(description="The step.")
    value: float = Field(description="The value.")
