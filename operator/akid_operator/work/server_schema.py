"""What of a status the server does not know: its CRD may be older than the operator.

A field it does not know it drops without a word; a value it refuses, by its path. Both are left out from then on,
or every look at a job would find a difference and write it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from akid_operator.kube.api import Json
from akid_operator.kube.errors import ApiError

# A place in the schema: the names of fields, `[]` for any item of a list.
Place = tuple[str, ...]
ITEM = "[]"
UNSUPPORTED = "FieldValueNotSupported"


class ServerSchema:
    """Remembers what the server did not take, until it is asked anew."""

    def __init__(self) -> None:
        self._fields: set[Place] = set()
        self._values: set[tuple[Place, str]] = set()

    def forget(self) -> None:
        """Try everything again: the CRD may be another one by now."""
        self._fields.clear()
        self._values.clear()

    def known(self, status: Json) -> Json:
        """The status without what the server does not know."""
        return self._known(status, ()) if self._fields or self._values else status

    def dropped(self, sent: Json, kept: Json) -> None:
        """Learn from an answer: what was sent and is not there."""
        self._fields |= set(_missing(sent, kept, ()))

    def refused(self, sent: Json, error: ApiError) -> bool:
        """Learn from a refusal; whether there is anything to leave out."""
        found = set(_unsupported(sent, error)) - self._values
        self._values |= found
        return bool(found)

    def _known(self, value: Any, place: Place) -> Any:
        if isinstance(value, list):
            items = [self._known(item, (*place, ITEM)) for item in cast("list[Any]", value)]
            return [item for item in items if item is not None]
        if not isinstance(value, dict):
            return value
        fields = cast("dict[str, Any]", value)
        unsupported = {name for name, inner in fields.items() if self._is_refused((*place, name), inner)}
        if unsupported and place[-1:] == (ITEM,):
            return None  # a condition of a type the server does not know
        return {
            name: self._known(inner, (*place, name))
            for name, inner in fields.items()
            if name not in unsupported and (*place, name) not in self._fields
        }

    def _is_refused(self, place: Place, value: Any) -> bool:
        return isinstance(value, str) and (place, value) in self._values


def _missing(sent: Any, kept: Any, place: Place) -> Iterator[Place]:
    if isinstance(sent, list) and isinstance(kept, list):
        for one, other in zip(cast("list[Any]", sent), cast("list[Any]", kept), strict=False):
            yield from _missing(one, other, (*place, ITEM))
    elif isinstance(sent, Mapping) and isinstance(kept, Mapping):
        there = cast("Mapping[str, Any]", kept)
        for name, value in cast("Mapping[str, Any]", sent).items():
            if name in there:
                yield from _missing(value, there[name], (*place, name))
            else:
                yield (*place, name)


def _unsupported(sent: Json, error: ApiError) -> Iterator[tuple[Place, str]]:
    """(place, value) of what a refusal calls unsupported: of words of ours that the server does not know."""
    for cause in error.causes:
        field = str(cause.get("field", ""))
        if cause.get("reason") != UNSUPPORTED or not field.startswith("status."):
            continue
        value: Any = {"status": sent}
        place: list[str] = []
        for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", field):
            value = _inner(value, name, index)
            place.append(name or ITEM)
        if isinstance(value, str):
            yield tuple(place[1:]), value


def _inner(value: Any, name: str, index: str) -> Any:
    if name:
        return cast("Any", value).get(name) if isinstance(value, Mapping) else None
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return items[int(index)] if int(index) < len(items) else None
