"""Which validation was the best, and when to stop for lack of better ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from akid.checks import Check


def short_names(names: list[str]) -> dict[str, str]:
    """``loss/accuracy`` -> ``accuracy`` where that is unambiguous, else the full name."""
    last = [name.rsplit("/", 1)[-1] for name in names]
    return {n: s if last.count(s) == 1 and s != "loss" else n for n, s in zip(names, last, strict=True)}


def short_names_of(evals: Mapping[str, float]) -> dict[str, float]:
    """Measures by their short names, see `short_names`."""
    names = short_names(list(evals))
    return {names[full]: value for full, value in evals.items()}


@dataclass(frozen=True)
class Goal:
    """A measure of validation and which way is better.

    Attributes:
        metric: ``loss`` or the name of a measure.
        goal: ``min`` or ``max``.
    """

    metric: str = "loss"
    goal: str = "min"

    @staticmethod
    def of(spec: str | Mapping[str, Any] | Goal) -> Goal:
        """From a name or ``{"metric": ..., "goal": "min" | "max"}``; losses shrink, other measures grow.

        Raises:
            AkidError: another key, or another goal.
        """
        if isinstance(spec, Goal):
            return spec
        options = {"metric": spec} if not isinstance(spec, Mapping) else dict(spec)
        metric = options.get("metric", "loss")
        natural = "min" if str(metric).rsplit("/", 1)[-1] in ("loss", "error") else "max"
        goal = options.get("goal", natural)
        if not isinstance(metric, str) or goal not in ("min", "max") or set(options) - {"metric", "goal"}:
            raise Check().wrong("best_metric", 'a name or {"metric": name, "goal": "min" | "max"}', spec)
        return Goal(metric, goal)

    def better(self, value: float, than: float | None, by: float = 0.0) -> bool:
        """Whether ``value`` is better than the best one so far (None: there is none), by more than ``by``.

        NaN, a measure that means nothing (such as the area under a curve of one class), is never better.
        """
        if than is None:
            return not math.isnan(value)
        return value < than - by if self.goal == "min" else value > than + by


@dataclass(frozen=True)
class EarlyStopping:
    """Stop after ``patience`` validations in a row that were not better by more than ``min_delta``."""

    patience: int
    min_delta: float = 0.0

    @staticmethod
    def of(spec: int | Mapping[str, Any] | EarlyStopping | None) -> EarlyStopping | None:
        """From a patience or ``{"patience": 5, "min_delta": 0.001}``.

        Raises:
            AkidError: another key, a patience < 1 or a min_delta < 0.
        """
        if spec is None or isinstance(spec, EarlyStopping):
            return spec
        options: dict[str, Any] = dict(spec) if isinstance(spec, Mapping) else {"patience": spec}
        patience, min_delta = options.get("patience", 0), options.get("min_delta", 0.0)
        known = set(options) <= {"patience", "min_delta"}
        good = type(patience) is int and patience >= 1 and type(min_delta) in (int, float)
        if not known or not good or not 0 <= min_delta < math.inf:
            forms = 'a patience, or {"patience": validations >= 1, "min_delta": number >= 0}'
            raise Check().wrong("early_stopping", forms, spec)
        return EarlyStopping(patience, float(min_delta))


@dataclass(frozen=True)
class Standing:
    """How the validations of a run compare; kept in its checkpoints.

    Attributes:
        best, best_step: the best value so far and when it was seen.
        reference: the last value that was better by more than ``min_delta``.
        stale: validations since.
    """

    best: float | None = None
    best_step: int = 0
    reference: float | None = None
    stale: int = 0

    def after(self, value: float, step: int, goal: Goal, min_delta: float = 0.0) -> Standing:
        """The standing after one more validation."""
        is_best = goal.better(value, self.best)
        improved = goal.better(value, self.reference, min_delta)
        return Standing(
            best=value if is_best else self.best,
            best_step=step if is_best else self.best_step,
            reference=value if improved else self.reference,
            stale=0 if improved else self.stale + 1,
        )
