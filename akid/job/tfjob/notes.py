"""What of a TFJob does not become part of an AkidJob, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

Json = dict[str, Any]


class Note(NamedTuple):
    """A field that was not carried over as it is.

    Args:
        path: of the TFJob.
        text: what becomes of it, and what to do.
        essential: whether the job would be another one without it.
    """

    path: str
    text: str
    essential: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


class Notes:
    """Notes in the order in which they come up."""

    def __init__(self) -> None:
        self.all: list[Note] = []

    def warn(self, path: str, text: str) -> None:
        """Something is done in another way, or left out without harm."""
        self.all.append(Note(path, text, False))

    def refuse(self, path: str, text: str) -> None:
        """Something essential has no counterpart."""
        self.all.append(Note(path, text, True))

    def unknown(self, path: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
        """Fields that no TFJob has, or none whose meaning is known."""
        for name in given:
            if name not in known:
                self.warn(f"{path}.{name}", "is no field of a TFJob that is known here; left out.")


def mapping(value: object) -> Json:
    """A mapping without what is null; {} if it is none."""
    given: Mapping[object, Any] = cast("Mapping[object, Any]", value) if isinstance(value, Mapping) else {}
    return {str(name): inner for name, inner in given.items() if inner is not None}


def items(value: object) -> list[Json]:
    """The mappings of a list; [] if it is none."""
    return [mapping(item) for item in cast("list[object]", value)] if isinstance(value, list) else []
