"""How a job is run: restarts, deadlines, cleaning up, scheduling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from akid.job.api.base import Model

Seconds = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(max_length=253, pattern=r"^$|^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
LabelKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=317,
        pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    ),
]
Gang = Literal["none", "kubernetes", "volcano", "coscheduling"]


class RunPolicy(Model):
    """Limits and rules of a job's life."""

    max_restarts: int = Field(
        default=3,
        ge=0,
        le=1000,
        description="Counted restarts before the job fails; disruptions do not count.",
    )
    active_deadline_seconds: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None, description="The job fails this long after its start (or its resumption)."
    )
    pending_deadline_seconds: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None,
        description="The job fails when it has not been Running for this long without a break.",
    )
    ttl_seconds_after_finished: Seconds | None = Field(
        default=None,
        description="The job is deleted this long after it finished; never while suspended.",
    )
    clean_pod_policy: Literal["Running", "All", "None"] = Field(
        default="Running",
        description=(
            "Pods deleted when the job finishes: those still running (after a success they have 3 s to end "
            "by themselves), all, or none."
        ),
    )
    suspend: bool = Field(default=False, description="Whether the job's pods are taken away; false goes on.")
    restart_strategy: Literal["InPlace", "Recreate"] = Field(
        default="InPlace",
        description=(
            "InPlace: only a lost pod is replaced, the others meet it at the rendezvous; Recreate:"
            " all pods are replaced, the old ones gone first (for images without akid's trainer)."
        ),
    )
    retryable_exit_codes: list[Annotated[int, Field(ge=1, le=255)]] | None = Field(
        default=None,
        max_length=255,
        description=(
            "Exit codes after which a member is restarted; all others fail the job. By default 42 and 128-255."
        ),
    )
    success_policy: Literal["Chief", "AllWorkers"] = Field(
        default="Chief",
        description=(
            "Chief: the job succeeds with its chief (worker-0 where there is no chief); AllWorkers:"
            " with the chief and all workers. Parameter servers and the evaluator never decide."
        ),
    )

    def retryable(self, exit_code: int) -> bool:
        """Whether a member that ended with this code is restarted."""
        if self.retryable_exit_codes is not None:
            return exit_code in self.retryable_exit_codes
        return exit_code == 42 or exit_code >= 128


class TopologySpread(Model):
    """How the job's pods are spread over the domains of a node label."""

    topology_key: LabelKey = Field(description="The node label, e.g. kubernetes.io/hostname.")
    max_skew: int = Field(default=1, ge=1, le=1000, description="The greatest difference between two domains.")
    when_unsatisfiable: Literal["ScheduleAnyway", "DoNotSchedule"] = Field(
        default="ScheduleAnyway",
        description="Whether a pod that cannot keep to it is scheduled all the same.",
    )


class Scheduling(Model):
    """How a job's pods get onto nodes."""

    gang: Gang = Field(
        default="none",
        description="Schedule all pods or none: by the PodGroup of Kubernetes, of Volcano or of coscheduling.",
    )
    queue: Name = Field(
        default="",
        description="The queue: Volcano's with gang volcano, else Kueue's LocalQueue for a pod group.",
    )
    priority_class_name: Name = Field(default="", description="PriorityClass of the pods.")
    scheduler_name: Name = Field(
        default="", description="The scheduler; by default the one of the gang, else the cluster's."
    )
    min_available: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Pods that must fit for a gang to start; by default all."
    )
    topology_spread: list[TopologySpread] = Field(
        default_factory=list[TopologySpread],
        max_length=8,
        description="Spread of the job's pods over nodes, zones and the like.",
    )
