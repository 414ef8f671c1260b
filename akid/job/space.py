"""What a search may choose from: lists of values, and ranges of numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from akid.errors import DataError, near_match

SETS = ("net_paras", "opt_paras")
_RANGE = ("low", "high", "log", "step")


@dataclass(frozen=True)
class Choice:
    """One of these values, which may be of any kind."""

    values: tuple[Any, ...]

    def draw(self, rng: random.Random) -> Any:
        """Any of them, each as likely as another."""
        return rng.choice(self.values)


@dataclass(frozen=True)
class Range:
    """A number from ``low`` to ``high``, both included; an integer if both are.

    Attributes:
        log: whether the logarithm is drawn evenly, as suits learning rates.
        step: of a grid of numbers that begins at ``low``; None: none.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is of integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def draw(self, rng: random.Random) -> float:
        """A number of it."""
        if self.step is not None:
            steps = math.floor((self.high - self.low) / self.step + 1e-9)
            return self.low + self.step * rng.randint(0, steps)
        if not self.log:
            return rng.randint(int(self.low), int(self.high)) if self.whole else rng.uniform(self.low, self.high)
        drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        drawn = min(max(drawn, self.low), self.high)
        return round(drawn) if self.whole else drawn


Axis = Choice | Range
#: An axis for every parameter, by (``net_paras`` or ``opt_paras``, name).
Space = Mapping[tuple[str, str], Axis]


def space_of(net_paras: Mapping[str, Any], opt_paras: Mapping[str, Any]) -> Space:
    """The axes of a search.

    Args:
        net_paras: by name, a list of values to choose from, or ``{"low": 1e-4, "high": 0.1, "log": True}``,
            optionally with a ``step``.
        opt_paras: likewise.

    Raises:
        DataError: an axis is neither, or there is none.
    """
    given = {(kind, str(name)): axis for kind, axes in zip(SETS, (net_paras, opt_paras), strict=True)
             for name, axis in axes.items()}  # fmt: skip
    if not given:
        raise DataError("a search needs at least one parameter. Received: net_paras={}, opt_paras={}")
    return {key: _axis(f"{key[0]}[{key[1]!r}]", axis) for key, axis in given.items()}


def _axis(name: str, given: Any) -> Axis:
    if isinstance(given, Sequence) and not isinstance(given, str) and given:
        return Choice(tuple(cast("Sequence[Any]", given)))
    options = dict(cast("Mapping[Any, Any]", given)) if isinstance(given, Mapping) else {}
    if not {"low", "high"} <= set(options):
        raise DataError(
            f"{name} must be a list of values, or a range such as {{'low': 0.001, 'high': 0.1, 'log': True}}."
            f" Received: {name}={given!r}"
        )
    for key in options:
        if key not in _RANGE:
            raise DataError(f"{name} has no {key!r}. {near_match(str(key), _RANGE)}")
    axis = Range(**options)
    problem = _problem(axis)
    if problem:
        raise DataError(f"{name} {problem}. Received: {name}={options!r}")
    return axis


def _problem(axis: Range) -> str:
    numbers: list[object] = [axis.low, axis.high, *([] if axis.step is None else [axis.step])]
    if not all(type(n) in (int, float) and math.isfinite(cast("float", n)) for n in numbers):
        return "must have finite numbers"
    if axis.low > axis.high:
        return "must have a low that is at most its high"
    if axis.log and axis.low <= 0:
        return "must be above 0 where log is True"
    if axis.step is not None and (axis.step <= 0 or axis.log):
        return "must have a step above 0, and none where log is True"
    return ""


def sorted_into_sets(values: Mapping[tuple[str, str], Any]) -> dict[str, dict[str, Any]]:
    """``{"net_paras": {...}, "opt_paras": {...}}`` of values by (set, name)."""
    return {kind: {name: value for (of, name), value in values.items() if of == kind} for kind in SETS}
