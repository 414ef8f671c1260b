"""Checks of arguments that are numbers; manifests bring them, so the errors say how YAML reads a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

from akid.errors import AkidError


def number(
    value: Any,
    owner: str,
    name: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    error: type[AkidError] = AkidError,
) -> float:
    """``value`` as a float, if it is a finite number within its bounds.

    Args:
        value: what was given.
        owner: whose argument it is; the error begins with it.
        name: of the argument.
        least, above, most, below: the bounds ``>=``, ``>``, ``<=`` and ``<``.
        error: the class to raise.

    Raises:
        AkidError: it is not; a number within a string gets a word on YAML.
    """
    signs = ((">=", least), (">", above), ("<=", most), ("<", below))
    bounds = " and ".join(f"{sign} {bound:g}" for sign, bound in signs if bound is not None)
    hint = ""
    if isinstance(value, str) and _reads_as_number(value):
        hint = " YAML reads 1e-3 as text; write 0.001 or 1.0e-3."
    if not _is_number(value) or not _within(value, least, above, most, below):
        raise error(
            f"{owner}: {name} must be a number{' ' * bool(bounds)}{bounds}.{hint} Received: {name}={value!r}"
        )
    return float(value)


def whole(value: Any, owner: str, name: str, *, least: int = 1, error: type[AkidError] = AkidError) -> int:
    """``value`` if it is an integer ``>= least``.

    Raises:
        AkidError: it is not.
    """
    if type(value) is not int or value < least:
        raise error(f"{owner}: {name} must be an integer >= {least}. Received: {name}={value!r}")
    return value


def texts(value: Any, owner: str, name: str, *, error: type[AkidError] = AkidError) -> tuple[str, ...]:
    """``value`` as a tuple, if it is a sequence of strings and not one string.

    Raises:
        AkidError: it is not.
    """
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
        raise error(f"{owner}: {name} must be a list of strings. Received: {name}={value!r}")
    return tuple(value)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _within(
    value: float, least: float | None, above: float | None, most: float | None, below: float | None
) -> bool:
    return (
        (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
