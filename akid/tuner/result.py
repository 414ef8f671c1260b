"""What came of a tuning: a row for every instance, the best one, tables and pictures."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from akid.kids.stopping import Goal
from akid.tuner.plots import bars, parallel_coordinates
from akid.tuner.table import parameters_of, rich_table, varying
from akid.tuner.trial import Status, Trial


@dataclass(frozen=True)
class TuneResult:
    """All instances of a tuning.

    Attributes:
        trials: the instances, in the order of their numbers.
        goal: the objective.
    """

    trials: tuple[Trial, ...]
    goal: Goal

    @property
    def best(self) -> Trial | None:
        """The instance with the best value of the objective; None if none measured it."""
        best: Trial | None = None
        for trial in self.measured:
            if self.goal.better(float(trial.best or 0.0), None if best is None else best.best):
                best = trial
        return best

    @property
    def measured(self) -> list[Trial]:
        """The instances that did not fail and measured the objective."""
        return [t for t in self.trials if t.best is not None and t.status in (Status.SUCCEEDED, Status.PRUNED)]

    def rows(self) -> list[dict[str, Any]]:
        """A flat dict for every instance: parameters by path, status, objective, measures, seconds, error."""
        return [
            {
                "trial": trial.number,
                **parameters_of(trial),
                "status": str(trial.status),
                f"best {self.goal.metric}": trial.best,
                "best step": trial.best_step,
                f"last {self.goal.metric}": trial.last,
                **trial.metrics,
                "step": trial.step,
                "seconds": round(trial.seconds, 3),
                "log_dir": str(trial.log_dir),
                "error": trial.error,
            }
            for trial in self.trials
        ]

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write `rows` to a file; gives its path."""
        rows = self.rows()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        return Path(path)

    def __str__(self) -> str:
        """The table of a terminal."""
        console = Console(width=160, color_system=None)
        with console.capture() as capture:
            console.print(rich_table(self.trials, self.goal.metric))
        return capture.get()

    def importance(self) -> dict[str, float]:
        """How much of the objective's variance each parameter explains by itself, from 0 to 1, largest first.

        The variance of the means over the instances with the same value of the parameter, divided by the whole
        variance: the main effect of an analysis of variance. Ranges of numbers are taken in four quarters of
        their ranks. Empty with fewer than two instances, or if all measured the same.
        """
        trials = self.measured
        values = np.array([trial.best for trial in trials], float)
        whole = values.var() if len(values) > 1 else 0.0
        if not whole > 0:
            return {}
        shares = {
            name: float(_main_effect([parameters_of(trial).get(name) for trial in trials], values) / whole)
            for name in varying(trials)
            if name != "repeat"
        }
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def plot_parallel_coordinates(self, path: str | os.PathLike[str]) -> Path:
        """A PNG with an axis for every parameter that varies and a line for every instance; gives its path."""
        return parallel_coordinates(self.measured, self.goal, Path(path))

    def plot_bars(self, path: str | os.PathLike[str]) -> Path:
        """A PNG with the objective of every instance, the best first; gives its path."""
        return bars(self.measured, self.goal, Path(path))


def _main_effect(settings: Sequence[Any], values: np.ndarray) -> float:
    groups: dict[Any, list[float]] = {}
    for setting, value in zip(_groups(settings), values, strict=True):
        groups.setdefault(setting, []).append(value)
    mean = values.mean()
    return float(sum(len(group) * (np.mean(group) - mean) ** 2 for group in groups.values()) / len(values))


def _groups(settings: Sequence[Any]) -> list[Any]:
    """A setting as what is compared: many different numbers by the quarter of their rank."""
    numbers = all(isinstance(s, int | float) and not isinstance(s, bool) for s in settings)
    if not numbers or len(set(settings)) <= max(4, len(settings) // 4):
        return [repr(setting) for setting in settings]
    ranks = np.argsort(np.argsort(np.asarray(settings, float)))
    return [int(4 * rank // len(settings)) for rank in ranks]
