"""The types of parameters: in words, and whether a plain value fits."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

#: The types a manifest can hold, and what a reader of YAML calls them.
PLAIN = {
    int: "an integer",
    float: "a number",
    str: "a text",
    bool: "true or false",
    type(None): "null",
}


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of the annotated type; nothing is converted, but an integer is a number."""
    if annotation is inspect.Parameter.empty:
        return True
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


@functools.cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True, strict=True))


def classes_in(annotation: Any) -> Iterator[type]:
    """Every class an annotation speaks of: ``Sequence[Joker] | None`` has Joker and None's type."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from classes_in(argument)


def type_text(annotation: Any) -> str:
    """An annotation in words a reader of YAML knows; empty if no plain value fits."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    if annotation in (Any, inspect.Parameter.empty):
        return "anything"
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return "one of " + ", ".join(repr(a) for a in args)
    kind = origin or annotation
    if kind is Callable:
        return ""
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "a mapping"
    if isinstance(kind, type) and issubclass(kind, (Sequence, set, frozenset)):
        inner = type_text(args[0]) if args else ""
        return "" if args and not inner else f"a list of {inner}" if inner else "a list"
    texts = dict.fromkeys(text for text in map(type_text, args) if text)
    return " or ".join(texts)
