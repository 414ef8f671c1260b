"""What is wrong with a manifest, in words: pydantic's errors as `path: problem` lines."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from akid.errors import InvalidSpecError, near_match
from akid.job.api.base import ProblemsError

NOUNS: dict[type, str] = {
    str: "a text",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    dict: "a mapping",
    list: "a list",
    type(None): "nothing",
}
EXPECTED = {
    "string_type": "a text",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "datetime_type": "a time (RFC 3339)",
    "is_instance_of": "a time (RFC 3339)",
}
BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "string_too_long": ("at most", "max_length"),
    "string_too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
    "too_short": ("at least", "min_length"),
}


class InvalidManifestError(InvalidSpecError):
    """A manifest has one or several problems; the message has a line for each.

    Attributes:
        problems: every problem, in the order of the manifest.
    """

    def __init__(self, problems: Sequence[InvalidSpecError]) -> None:
        first = problems[0]
        super().__init__(first.path, first.problem, first.hint)
        self.problems = tuple(problems)
        self.args = ("\n".join(str(problem) for problem in problems),)


def from_validation(error: ValidationError, model: type[BaseModel]) -> InvalidManifestError:
    """Every error of pydantic as a line with the field's path, in akid's words."""
    problems: list[InvalidSpecError] = []
    for detail in error.errors():
        path = field_path(detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, ProblemsError):
            problems += [InvalidSpecError(join(path, below), text) for below, text in cause.problems]
        else:
            problems.append(InvalidSpecError(path, *_describe(detail, model)))
    return InvalidManifestError(problems)


def field_path(loc: Sequence[str | int]) -> str:
    """('spec', 'blocks', 2, 'type') -> spec.blocks[2].type; empty is the whole manifest."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "manifest"


def join(path: str, below: str) -> str:
    """A path below another."""
    return f"{path}.{below}" if below else path


def received(value: object) -> str:
    """A value in an error message: short, with its type."""
    text = repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"{text} ({NOUNS.get(type(value), type(value).__name__)})"


def _describe(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """(problem, hint) of one error of pydantic."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown field.", near_match(str(detail["loc"][-1]), fields_at(model, detail["loc"][:-1]))
    if kind == "missing":
        return "required field is missing.", ""
    if kind == "literal_error":
        known = _literals(model, detail["loc"])
        hint = near_match(value, known) if isinstance(value, str) else ""
        hint = hint if hint.startswith("Did") else ""
        return f"expected {context['expected']}, received {received(value)}.", hint
    if kind == "string_pattern_mismatch":
        return f"expected a text that matches {context['pattern']}, received {received(value)}.", ""
    if kind in BOUNDS:
        words, key = BOUNDS[kind]
        return f"expected {words} {context[key]}{_unit(kind)}, received {_size(kind, value)}.", ""
    if kind in EXPECTED:
        return f"expected {EXPECTED[kind]}, received {received(value)}.", ""
    return f"{detail['msg']}, received {received(value)}.", ""


def _unit(kind: str) -> str:
    return " characters" if kind.startswith("string") else " items" if kind.startswith("too") else ""


def _size(kind: str, value: Any) -> str:
    return str(len(value)) if _unit(kind) else received(value)


def fields_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The names of the fields where `loc` leads, walking the models by their aliases."""
    annotation = _annotation_at(model, loc)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [field.alias or name for name, field in annotation.model_fields.items()]
    return []


def _literals(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    return [value for value in get_args(_annotation_at(model, loc)) if isinstance(value, str)]


def _annotation_at(model: type[BaseModel], loc: Sequence[str | int]) -> Any:
    annotation: Any = model
    for part in loc:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
            annotation = fields[str(part)].annotation if part in fields else None
        else:
            arguments = get_args(annotation)
            annotation = arguments[-1] if arguments else None
        annotation = _without_none(annotation)
    return annotation


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [option for option in get_args(annotation) if option is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    if hasattr(annotation, "__metadata__"):
        return annotation.__origin__
    return annotation
