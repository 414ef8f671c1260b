"""The status of a job, as the operator reports it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field

from akid.job.api.base import ReportedModel, Time
from akid.job.api.tensorboard import TensorBoardStatus
from akid.job.api.tune import Best, Measured, Trials

ConditionType = Literal["Created", "Queued", "Running", "Restarting", "Suspended", "Succeeded", "Failed"]
State = Literal["", "Created", "Queued", "Running", "Restarting", "Suspended", "Succeeded", "Failed"]
RoleKey = Literal["chief", "worker", "ps", "evaluator"]
# Beyond it a number of JSON is none that every reader can tell from its neighbours.
MAX_COUNT = 2**53
MAX_MEASURED = 64


def _finite(value: Any) -> Any:
    """A number without NaN and infinity, which JSON cannot hold; of several numbers, those that are finite."""
    if isinstance(value, Mapping):
        numbers = cast("Mapping[str, Any]", value)
        return {name: number for name, number in numbers.items() if _finite(number) is not None}
    return None if isinstance(value, float) and not math.isfinite(value) else value


Finite = Annotated[float | None, BeforeValidator(_finite)]
Metrics = Annotated[dict[str, float] | None, BeforeValidator(_finite)]


class Condition(ReportedModel):
    """A metav1.Condition."""

    type: ConditionType = Field(description="What it is about.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: str = Field(default="", max_length=256, description="Why, in one word.")
    message: str = Field(default="", max_length=32768, description="Why, in a sentence.")
    last_transition_time: Time = Field(description="When its status changed last.")
    observed_generation: int = Field(default=0, ge=0, description="metadata.generation it was judged by.")


class ReplicaStatus(ReportedModel):
    """The members of one role."""

    active: int = Field(default=0, ge=0, description="Pods that exist and have not finished.")
    ready: int = Field(default=0, ge=0, description="Pods that are ready.")
    succeeded: int = Field(default=0, ge=0, description="Members that are done.")
    failed: int = Field(default=0, ge=0, description="Pods that failed and are still there.")
    completed_indexes: str = Field(
        default="",
        max_length=8192,
        description="Indexes of the members that are done, e.g. 0,2-4; never run again.",
    )


class Progress(ReportedModel):
    """How far the training is, as the chief reports it."""

    step: int | None = Field(default=None, ge=0, le=MAX_COUNT, description="Steps (batches) trained.")
    max_steps: int | None = Field(default=None, ge=0, le=MAX_COUNT, description="Steps to train.")
    epoch: Finite = Field(default=None, ge=0, description="Epochs trained.")
    loss: Finite = Field(default=None, description="Last training loss.")
    val_loss: Finite = Field(default=None, description="Last validation loss.")
    metrics: Metrics = Field(default=None, max_length=64, description="Last evaluations by name.")
    examples_per_second: Finite = Field(default=None, ge=0, description="Speed, examples a second.")
    eta: Time | None = Field(default=None, description="When the training should end.")
    generation: int | None = Field(
        default=None, ge=0, le=MAX_COUNT, description="Times all members began together."
    )
    in_place_restarts: int | None = Field(
        default=None, ge=0, le=MAX_COUNT,
        description="Times the chief's training process was started again in its pod; uncounted.",
    )  # fmt: skip
    steps_redone: int | None = Field(
        default=None, ge=0, le=MAX_COUNT, description="Steps made again after a loss."
    )
    goodput: Finite = Field(
        default=None, ge=0, le=1,
        description="Time of steps that counted over all time since the first step, 0 to 1.",
    )  # fmt: skip


class LastFailure(ReportedModel):
    """The failure that came last."""

    pod: str = Field(default="", max_length=253, description="Name of the pod.")
    node: str = Field(default="", max_length=253, description="Node it ran on.")
    exit_code: int | None = Field(default=None, description="Exit code of its trainer, if it had one.")
    reason: str = Field(default="", max_length=256, description="Why, in one word.")
    message: str = Field(default="", max_length=8192, description="The trainer's last words.")


class Backoff(ReportedModel):
    """Counted restarts without progress between them, and how long the last one waits."""

    restarts: int = Field(default=0, ge=0, description="Counted restarts without progress between them.")
    last_failure_time: Time = Field(description="When the last of these failures was counted.")
    next_restart_time: Time = Field(
        description=(
            "When what failed is made again: the first time at once, then after 10 s, 20 s, 40 s ... 6 minutes. "
            "Disruptions do not wait."
        )
    )
    step: int | None = Field(
        default=None,
        ge=0,
        description=(
            "The highest step reached by then. One beyond it (without steps: 10 minutes of Running) is progress."
        ),
    )
    cause: str = Field(default="", max_length=512, description="Why it failed, e.g. exit code 137 (OOMKilled).")
    same_cause: int = Field(default=0, ge=0, description="Counted failures in a row with this cause.")


class Status(ReportedModel):
    """What is. Written by the operator only."""

    observed_generation: int = Field(default=0, ge=0, description="metadata.generation this status is about.")
    state: State = Field(default="", description="The condition that matters now, in one word.")
    message: str = Field(
        default="",
        max_length=1024,
        description="The one line that says why it is not running, or why it failed; empty while all is well.",
    )
    conditions: list[Condition] = Field(
        default_factory=list[Condition],
        max_length=16,
        description="What is true of the job, and why.",
    )
    attempt: int = Field(default=0, ge=0, description="Which set of pods this is; goes up when all are replaced.")
    workers: int | None = Field(default=None, ge=0, description="Workers this attempt has or is about to have.")
    selector: str = Field(
        default="", max_length=512, description="Selector of the workers' pods, for autoscalers."
    )
    replica_statuses: dict[RoleKey, ReplicaStatus] = Field(
        default_factory=dict[RoleKey, ReplicaStatus], description="Counts by role."
    )
    ready: str = Field(default="", max_length=32, description="Ready pods of all, e.g. 2/3.")
    restarts: int = Field(default=0, ge=0, description="Counted restarts.")
    backoff: Backoff | None = Field(default=None, description="What the restarts wait for.")
    counted_pods: list[str] = Field(
        default_factory=list[str],
        max_length=2048,
        description="UIDs of the pods whose failure has been judged, so that none counts twice.",
    )
    disrupted_pods: list[str] = Field(
        default_factory=list[str],
        max_length=2048,
        description="UIDs of the pods whose disruption has been told, as long as they are there.",
    )
    refusals: int = Field(
        default=0,
        ge=0,
        description="Pods in a row that nodes would not run; each next one is made later.",
    )
    start_time: Time | None = Field(default=None, description="When it was started or resumed.")
    completion_time: Time | None = Field(default=None, description="When it finished.")
    progress: Progress | None = Field(default=None, description="How far the training is.")
    highest_step: int | None = Field(
        default=None, ge=0, description="The highest step that was ever reached, whatever was trained again."
    )
    last_failure: LastFailure | None = Field(default=None, description="The failure that came last.")
    trials: Trials | None = Field(default=None, description="Of a job that is tuned: how many trials stand how.")
    best: Best | None = Field(default=None, description="Of a job that is tuned: its best trial so far.")
    measured: list[Measured] = Field(
        default_factory=list[Measured],
        max_length=MAX_MEASURED,
        description="Of a trial: values of the objective that were seen, thinned out; the best is kept.",
    )
    tensorboard: TensorBoardStatus | None = Field(
        default=None, description="Where its TensorBoard is; absent when it has none."
    )

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of that type, if there is one."""
        return next((c for c in self.conditions if c.type == kind), None)

    def is_true(self, kind: ConditionType) -> bool:
        """Whether the condition holds."""
        condition = self.condition(kind)
        return condition is not None and condition.status == "True"

    @property
    def finished(self) -> bool:
        """Whether the job has succeeded or failed; nothing changes after that."""
        return self.is_true("Failed") or self.is_true("Succeeded")

    def to_json(self) -> dict[str, Any]:
        """The status as the API server holds it: no nulls, no defaults, but the restarts for their column."""
        written = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        return {**written, "restarts": self.restarts} if written else {}
