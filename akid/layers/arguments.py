"""The forms that layers' arguments take, and their checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from akid.errors import BlockError, near_match

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
