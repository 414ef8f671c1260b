"""Manifests as a server holds them: fields that are not known are ignored, its schema may be of another version.

Only what a person writes is held to the letter (`load.parse`): an unknown field there is a mistake. On a server it
is one of another version, and no reason to touch a job that runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from akid.job.api.engine import Engine
from akid.job.api.job import AkidJob
from akid.job.api.policy import RunPolicy
from akid.job.api.status import Status
from akid.job.manifest.load import check_tree, load_mapping
from akid.job.manifest.problems import from_validation

Path = tuple[str | int, ...]
# Words of a status that another version may have added: nothing is decided by one that is not known.
WORDS = re.compile(r"(status\.)?(state|conditions\.\d+\.type|replicaStatuses\.[^.]*\.\[key\])")


def parse_served(manifest: Mapping[str, Any]) -> AkidJob:
    """An AkidJob as a server holds it, without what this version does not know.

    Raises:
        InvalidManifestError: if what it does know is not valid.
    """
    check_tree(manifest)
    try:
        return cast("AkidJob", _known(AkidJob, manifest))
    except ValidationError as error:
        raise from_validation(error, AkidJob) from None


def same_kid(one: str, other: str) -> bool:
    """Whether two files hold the same kid. Operators of two versions may write one in two ways."""
    if one == other:
        return True
    try:
        first, second = (parse_served(load_mapping(f"{text}\n")).spec for text in (one, other))
    except ValueError:  # InvalidManifestError too
        return False
    return first.trained_kid.arguments() == second.trained_kid.arguments() and _trained_by(
        first.engine
    ) == _trained_by(second.engine)


def _trained_by(engine: Engine) -> tuple[object, ...]:
    """What of an engine never changes."""
    return engine.name, engine.parameter_servers or 1, engine.evaluator, engine.gpus


def status_of(manifest: Mapping[str, Any]) -> Status | None:
    """The status of a job whose spec may not be readable; None if the status is not either."""
    try:
        return cast("Status", _known(Status, manifest.get("status") or {}))
    except ValidationError:
        return None


def policy_of(manifest: Mapping[str, Any]) -> RunPolicy:
    """The run policy of a job whose spec may not be readable; the default one if this is not either."""
    spec: Any = manifest.get("spec")
    try:
        return cast("RunPolicy", _known(RunPolicy, spec.get("runPolicy") or {}))
    except (AttributeError, ValidationError):
        return RunPolicy()


def _known(model: type[BaseModel], value: Any) -> BaseModel:
    """The value as the model reads it, without what the model does not know."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        unknown = [place for detail in error.errors() if (place := _unknown(detail)) is not None]
        if not unknown:
            raise
    return model.model_validate(_without(value, (), frozenset(unknown)))


def _unknown(detail: ErrorDetails) -> Path | None:
    """Where the thing is that an error calls unknown; None if it is another kind of error."""
    place = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return place
    if detail["type"] != "literal_error" or not WORDS.fullmatch(".".join(map(str, place))):
        return None
    return place if place[-1] == "state" else place[:-1]


def _without(value: Any, place: Path, unknown: frozenset[Path]) -> Any:
    if isinstance(value, Mapping):
        fields = [((*place, name), name, inner) for name, inner in cast("Mapping[str, Any]", value).items()]
        return {name: _without(inner, at, unknown) for at, name, inner in fields if at not in unknown}
    if isinstance(value, list):
        items = enumerate(cast("Sequence[Any]", value))
        return [_without(inner, (*place, i), unknown) for i, inner in items if (*place, i) not in unknown]
    return value
