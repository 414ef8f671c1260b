"""What every model of the API shares: strictness, camelCase names, problems with a path, RFC 3339 times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of the API: camelCase names, unknown fields refused, no silent conversion of types.

    A field that is nothing (`null`) is one that is not there, as the API server has it.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, serialize_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        fields = cast("Mapping[str, Any]", given)
        nulls = {field.alias for field in cls.model_fields.values() if fields.get(field.alias or "", ...) is None}
        return {name: value for name, value in fields.items() if name not in nulls} if nulls else fields


class OpenModel(Model):
    """A part whose further arguments are Python's: snake_case names, unknown ones kept."""

    model_config = ConfigDict(alias_generator=lambda name: name, extra="allow")


class ReportedModel(Model):
    """A part of what the server reports: fields this version does not know are dropped."""

    model_config = ConfigDict(extra="ignore", validate_by_name=True, validate_by_alias=True)


class ProblemsError(ValueError):
    """Raised by a model's validator: (path below the model, what is wrong), one or several."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path}: {problem}" for path, problem in problems))


def refuse(*rules: tuple[bool, str, str]) -> None:
    """Raise `ProblemsError` with every (broken, path, problem) that is broken."""
    problems = [(path, problem) for broken, path, problem in rules if broken]
    if problems:
        raise ProblemsError(problems)


def short_hash(content: Mapping[str, Any]) -> str:
    """A content in short."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def one_of(names: Mapping[str, object | None]) -> tuple[bool, str, str]:
    """The rule that exactly one of the named values is given."""
    given = [name for name, value in names.items() if value is not None]
    received = " and ".join(given) if given else "none"
    return len(given) != 1, "", f"expected exactly one of {', '.join(names)}, received {received}."


def parse_time(value: Any) -> Any:
    """An RFC 3339 text as an aware datetime; anything else is left for pydantic to refuse."""
    if not isinstance(value, str):
        return value
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return value


def format_time(value: datetime) -> str:
    """Seconds resolution in UTC, as Kubernetes writes `metav1.Time`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[datetime, BeforeValidator(parse_time), PlainSerializer(format_time)]
