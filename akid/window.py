"""What was reported since the last log."""

from __future__ import annotations

from typing import Any

from akid.engines.base import Report


class Window:
    """Reports of blocks of steps, and the time they took."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.reports: list[Report] = []
        self.seconds = 0.0

    @property
    def steps(self) -> int:
        """Steps since the last log."""
        return sum(r.steps for r in self.reports)

    def add(self, report: Report, seconds: float) -> None:
        """One more block of steps, and how long it took."""
        self.reports.append(report)
        self.seconds += seconds

    def report(self) -> Report:
        """The mean over the steps."""
        steps = self.steps
        last = self.reports[-1]

        def mean(of: Any) -> float:
            return sum(r.steps * of(r) for r in self.reports) / steps

        losses = {name: mean(lambda r, n=name: r.losses[n]) for name in last.losses}
        evals = {name: mean(lambda r, n=name: r.evals[n]) for name in last.evals}
        return Report(steps, mean(lambda r: r.loss), last.last_loss, losses, evals)
