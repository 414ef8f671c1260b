"""TensorBoard beside a job: what is asked for, and what is told of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from akid.job.api.base import Model, ReportedModel
from akid.job.api.policy import Seconds

# As Kubernetes writes amounts; those of processors may have thousandths.
Amount = Annotated[
    str,
    Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?([eE][0-9]+|[numkMGTPE]|[KMGTPE]i)?$"),
]
Amounts = Annotated[dict[str, Amount], Field(max_length=16)]


class Resources(Model):
    """Of one container."""

    requests: Amounts | None = Field(default=None, description="What is set aside for it, e.g. memory: 256Mi.")
    limits: Amounts | None = Field(default=None, description="The most it may have, e.g. memory: 2Gi.")


class TensorBoard(Model):
    """A TensorBoard that reads the job's log volume."""

    enabled: bool = Field(default=True, description="Whether there is one; false takes it away.")
    image: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="Its image, with the command tensorboard; by default the chief's, where akid's has it.",
    )
    resources: Resources | None = Field(
        default=None,
        description="Its requests and limits; by default 100m and 512Mi, and at most 2Gi of memory.",
    )
    ttl_seconds_after_finished: Seconds | None = Field(
        default=None,
        description="It is taken away this long after the job finished; by default it goes with the job.",
    )


class TensorBoardStatus(ReportedModel):
    """Where a job's TensorBoard is."""

    service: str = Field(default="", max_length=253, description="Name of its Service.")
    url: str = Field(default="", max_length=512, description="Where pods of the cluster reach it.")
    ready: bool = Field(
        default=False, description="Whether it answers, as far as it was seen until the job's end."
    )
    message: str = Field(default="", max_length=1024, description="Why it is not there, or cannot start.")
