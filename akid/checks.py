"""Checks of arguments: one form for every error, `<owner>: <name> must be ... Received: <name>=<value>`."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar

from akid.errors import AkidError, near_match

T = TypeVar("T")


@dataclass(frozen=True)
class Check:
    """Checks the arguments of one owner.

    Each method gives the value if it is what the name of the method says, and raises ``error`` if not. True is no
    number, "0.5" is none either, and NaN and infinity are never in bounds; numpy's numbers are numbers.

    Args:
        owner: whose arguments they are; messages begin with it, if it is not empty.
        error: the class to raise.
    """

    owner: str = ""
    error: type[AkidError] = AkidError

    def wrong(self, name: str, expected: str, value: Any, hint: str = "") -> AkidError:
        """The error for an argument that is not what was expected."""
        where, hint_text = f"{self.owner}: " if self.owner else "", f" {hint}" if hint else ""
        message = f"{where}{name} must be {expected}.{hint_text} Received: {name}={value!r}"
        return self.error(message, argument=name.partition("[")[0], hint=hint)

    def integer(self, name: str, value: Any, least: int | None = 1) -> int:
        """An integer ``>= least``."""
        if not _is_integer(value) or (least is not None and value < least):
            raise self.wrong(name, "an integer" + ("" if least is None else f" >= {least}"), value)
        return int(value)

    def number(
        self,
        name: str,
        value: Any,
        *,
        least: float | None = None,
        above: float | None = None,
        most: float | None = None,
        below: float | None = None,
    ) -> float:
        """A finite number within the bounds ``>= least``, ``> above``, ``<= most`` and ``< below``, as a float."""
        if not _is_number(value) or not _within(value, least, above, most, below):
            # Manifests bring numbers that YAML took for text.
            yaml = isinstance(value, str) and _reads_as_number(value)
            hint = "YAML reads 1e-3 as text; write 0.001 or 1.0e-3." if yaml else ""
            raise self.wrong(name, "a number" + _bounds_text(least, above, most, below), value, hint)
        return float(value)

    def flag(self, name: str, value: Any) -> bool:
        """True or False."""
        if not isinstance(value, bool):
            raise self.wrong(name, "True or False", value)
        return value

    def one_of(self, name: str, value: T, allowed: Iterable[T]) -> T:
        """One of the allowed values; a misspelt one gets a near match."""
        choices = list(allowed)
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            hint = near_match(value, map(str, choices)) if isinstance(value, str) else ""
            raise self.wrong(name, f"one of {choices}", value, hint)
        return value

    def pair(self, name: str, value: Any, least: int = 1) -> tuple[int, int]:
        """``(height, width)``, of an integer, ``[height, width]`` or the paper's ``[1, height, width, 1]``."""
        sizes = (value, value) if _is_integer(value) else tuple(value) if _is_list(value) else ()
        if len(sizes) == 4 and sizes[0] == sizes[3] == 1:
            sizes = sizes[1:3]
        if len(sizes) != 2 or not all(_is_integer(n) and n >= least for n in sizes):
            forms = f"an integer, [height, width] or [1, height, width, 1], each >= {least}"
            raise self.wrong(name, forms, value)
        return int(sizes[0]), int(sizes[1])

    def items(self, name: str, value: Any) -> tuple[Any, ...]:
        """A list, of whatever; a string is none."""
        if not _is_list(value):
            raise self.wrong(name, "a list", value)
        return tuple(value)

    def mapping(self, name: str, value: Any) -> dict[Any, Any]:
        """A mapping, as a dict."""
        if not isinstance(value, Mapping):
            raise self.wrong(name, "a mapping", value)
        return dict(value)

    def integers(self, name: str, value: Any, least: int = 1) -> tuple[int, ...]:
        """A list of integers ``>= least``."""
        if not _is_list(value) or not all(_is_integer(n) and n >= least for n in value):
            raise self.wrong(name, f"a list of integers >= {least}", value)
        return tuple(int(n) for n in value)

    def text(self, name: str, value: Any) -> str:
        """A string that is not empty."""
        if not isinstance(value, str) or not value:
            raise self.wrong(name, "a string that is not empty", value)
        return value

    def path(self, name: str, value: Any) -> str:
        """The path of a file or a directory, as a string."""
        if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
            raise self.wrong(name, "a path", value)
        return os.fsdecode(value)

    def texts(self, name: str, value: Any) -> tuple[str, ...]:
        """A list of strings; one string is none."""
        if not _is_list(value) or not all(isinstance(v, str) for v in value):
            raise self.wrong(name, "a list of strings", value)
        return tuple(value)

    def one_given(self, **given: T | None) -> tuple[str, T | None]:
        """Name and value of the only argument that is not None; of the first one if all are."""
        names = [name for name, value in given.items() if value is not None]
        if len(names) > 1:
            where = f"{self.owner}: " if self.owner else ""
            raise self.error(f"{where}{' and '.join(names)} are the same argument; give one of them.")
        name = (names or list(given))[0]
        return name, given[name]

    def instance(self, name: str, value: Any, kind: type[T]) -> T:
        """An object of a class."""
        if not isinstance(value, kind):
            hint = f"Write {value.__name__}(...)." if isinstance(value, type) and issubclass(value, kind) else ""
            raise self.wrong(name, f"a {kind.__name__}", value, hint)
        return value


def optional(check: Callable[..., T], name: str, value: Any, **bounds: Any) -> T | None:
    """None as it is, else the value checked: ``optional(check.number, "max_norm", max_norm, above=0)``."""
    return None if value is None else check(name, value, **bounds)


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _within(
    value: float, least: float | None, above: float | None, most: float | None, below: float | None
) -> bool:
    return (
        _is_finite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _bounds_text(least: float | None, above: float | None, most: float | None, below: float | None) -> str:
    low, high = (least if above is None else above), (most if below is None else below)
    if low is not None and high is not None:
        return f" in {'[' if above is None else '('}{low:g}, {high:g}{']' if below is None else ')'}"
    if low is not None:
        return f" {'>=' if above is None else '>'} {low:g}"
    return "" if high is None else f" {'<=' if below is None else '<'} {high:g}"


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
