"""A line of the table of benchmarks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A figure and what it is to be.

    Attributes:
        name: what was measured, against what.
        values: one a round; the median counts.
        target: what the median is to reach; None for a figure that is only told ...
        at_least: ... from above, or from below.
        unit: of the values; ``x`` for ratios.
    """

    name: str
    values: Sequence[float]
    target: float | None
    at_least: bool = True
    unit: str = "x"

    @property
    def median(self) -> float:
        """The figure."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool:
        """Whether the target is reached."""
        if self.target is None:
            return True
        return self.median >= self.target if self.at_least else self.median <= self.target

    def __str__(self) -> str:
        spread = f"{min(self.values):.3g} .. {max(self.values):.3g}"
        return f"{self.name:<62} {self.median:>8.3g} {self.unit:<6} ({spread}){self._verdict()}"

    def _verdict(self) -> str:
        if self.target is None:
            return ""
        bound = f"{'>=' if self.at_least else '<='} {self.target:g} {self.unit}".rstrip()
        return f"  target {bound}: {'reached' if self.reached else 'MISSED'}"
