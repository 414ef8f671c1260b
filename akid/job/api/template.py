"""The frame of a PodTemplateSpec: what the operator adds to. The rest is the user's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from akid.job.api.base import Model, refuse

TRAINER = "trainer"
# In a command, of a shell too.
TRAINS = re.compile(r"\bakid\s+train\b")
Items = list[dict[str, Any]]
# A word is at most as long as Linux takes one.
Words = Annotated[list[Annotated[str, Field(max_length=131_072)]], Field(max_length=1000)]


class OpenTemplate(Model):
    """A part of a pod template: what is not named here is kept as it is."""

    model_config = ConfigDict(extra="allow")


class Container(OpenTemplate):
    """A container."""

    name: str | None = Field(default=None, max_length=63, description="The container's name.")
    command: Words | None = Field(
        default=None, description="The program; by default akid's trainer (of the trainer's container)."
    )
    args: Words | None = Field(default=None, description="The program's arguments.")
    env: Items | None = Field(default=None, max_length=1000, description="Environment, added to the job's.")
    ports: Items | None = Field(default=None, max_length=100, description="Ports, added to the job's.")
    volume_mounts: Items | None = Field(default=None, max_length=100, description="Mounts, added to the job's.")
    resources: dict[str, Any] | None = Field(default=None, description="Requests and limits.")
    security_context: dict[str, Any] | None = Field(default=None, description="Added to akid's defaults.")


class PodSpec(OpenTemplate):
    """A pod's spec."""

    containers: list[Container] | None = Field(
        default=None, max_length=20, description="The one called trainer, or the only one, runs the kid."
    )
    volumes: Items | None = Field(default=None, max_length=100, description="Volumes, added to the job's.")
    security_context: dict[str, Any] | None = Field(default=None, description="Added to akid's defaults.")
    restart_policy: Literal["Never"] | None = Field(
        default=None, description="Never: what restarts a trainer is runPolicy."
    )
    topology_spread_constraints: Items | None = Field(
        default=None, max_length=16, description="Added to those of scheduling.topologySpread."
    )


class TemplateMeta(Model):
    """A pod's labels and annotations; its name is the operator's."""

    labels: dict[str, str] | None = Field(default=None, max_length=100, description="Labels.")
    annotations: dict[str, str] | None = Field(default=None, max_length=100, description="Annotations.")
    creation_timestamp: str | None = Field(
        default=None, max_length=64, description="Ignored; tools in Go write it, as null."
    )


class PodTemplate(Model):
    """A PodTemplateSpec."""

    metadata: TemplateMeta | None = Field(default=None, description="Labels and annotations of the pods.")
    spec: PodSpec | None = Field(default=None, description="A pod's spec, as in any PodTemplateSpec.")

    @model_validator(mode="after")
    def _has_a_trainer(self) -> Self:
        containers = (self.spec.containers if self.spec else None) or []
        names = [container.name for container in containers]
        text = f"expected one called {TRAINER!r} among several, received {', '.join(map(repr, names))}."
        refuse((len(names) > 1 and TRAINER not in names, "spec.containers", text))
        return self

    def to_json(self) -> dict[str, Any]:
        """The template as it was written."""
        return self.model_dump(mode="json", exclude_none=True, exclude_unset=True)


def trainer_of(spec: dict[str, Any]) -> dict[str, Any]:
    """The template's container that runs the kid: the one called trainer, or the only one; else {}."""
    containers: Items = spec.get("containers", [])
    named = [container for container in containers if container.get("name") == TRAINER]
    return (named or containers or [{}])[0]


def runs_akid(container: dict[str, Any]) -> bool:
    """Whether a container runs akid's trainer: it has no command of its own."""
    return "command" not in container and "args" not in container


def is_supervised(container: dict[str, Any]) -> bool:
    """Whether a container runs under akid's trainer, be it that it trains a program of its own."""
    return runs_akid(container) or says_train(container)


def says_train(container: Mapping[str, Any]) -> bool:
    """Whether a container's command is akid's trainer, written out."""
    words: list[object] = [*(container.get("command") or []), *(container.get("args") or [])]
    return TRAINS.search(" ".join(map(str, words))) is not None
