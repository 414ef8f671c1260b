"""The forms that layers' arguments take, and their checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from akid.errors import BlockError, near_match

#: Where a layer's signal comes from, see `akid.blocks.block.ProcessingLayer`.
Inputs = Sequence[Mapping[str, Any] | str] | None

#: An int, ``[height, width]``, or the paper's ``[1, height, width, 1]``.
Size = int | Sequence[int]
Padding = Literal["SAME", "VALID"]


def pair(size: Size, where: str, least: int = 1) -> tuple[int, int]:
    """``(height, width)`` of a size in any of its forms.

    Raises:
        BlockError: it has another form, or is smaller than ``least``.
    """
    sizes = (size, size) if isinstance(size, int) else tuple(size)
    if len(sizes) == 4 and sizes[0] == sizes[3] == 1:
        sizes = sizes[1:3]
    whole = all(isinstance(s, int) and not isinstance(s, bool) for s in sizes)
    if len(sizes) != 2 or not whole or min(sizes) < least:
        raise BlockError(
            f"{where} must be an integer, [height, width] or [1, height, width, 1], each >= {least}."
            f" Received: {size!r}"
        )
    return sizes[0], sizes[1]


def one_of(value: str, allowed: Iterable[str], where: str) -> str:
    """``value`` if it is allowed.

    Raises:
        BlockError: it is not; with a near match.
    """
    choices = list(allowed)
    if value not in choices:
        raise BlockError(f"{where} must be one of {choices}. {near_match(value, choices)} Received: {value!r}")
    return value


def at_least(value: int, least: int, where: str) -> int:
    """``value`` if it is an integer of at least ``least``.

    Raises:
        BlockError: it is not.
    """
    if type(value) is not int or value < least:
        raise BlockError(f"{where} must be an integer >= {least}. Received: {value!r}")
    return value


def fraction(value: float, where: str, *, zero: bool = True) -> float:
    """``value`` if it is between 0 and 1; 1 is allowed, 0 only if ``zero``.

    Raises:
        BlockError: it is not.
    """
    if not (0.0 <= value <= 1.0) or (value == 0.0 and not zero):
        raise BlockError(f"{where} must be in {'[' if zero else '('}0, 1]. Received: {value!r}")
    return value


def positive(value: float, where: str) -> float:
    """``value`` if it is greater than 0.

    Raises:
        BlockError: it is not.
    """
    if not value > 0.0:
        raise BlockError(f"{where} must be > 0. Received: {value!r}")
    return value
