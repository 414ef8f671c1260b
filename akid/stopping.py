"""Which validation was the best, and when to stop for lack of better ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from akid.errors import AkidError, near_match


def short_names(names: list[str]) -> dict[str, str]:
    """``loss/accuracy`` -> ``accuracy`` where that is unambiguous, else the full name."""
    last = [name.rsplit("/", 1)[-1] for name in names]
    return {n: s if last.count(s) == 1 and s != "loss" else n for n, s in zip(names, last, strict=True)}


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
    def of(spec: str | Mapping[str, Any]) -> Goal:
        """From a name or ``{"metric": ..., "goal": "min" | "max"}``; losses shrink, other measures grow.

        Raises:
            AkidError: another key, or another goal.
        """
        options = {"metric": spec} if isinstance(spec, str) else dict(spec)
        metric = str(options.get("metric", "loss"))
        natural = "min" if metric.rsplit("/", 1)[-1] in ("loss", "error") else "max"
        goal = options.get("goal", natural)
        if goal not in ("min", "max") or set(options) - {"metric", "goal"}:
            raise AkidError(
                f'best_metric must be a name or {{"metric": name, "goal": "min" | "max"}}. Received: {spec!r}'
            )
        return Goal(metric, goal)

    def value(self, measures: Mapping[str, float]) -> float:
        """This goal's measure.

        Raises:
            AkidError: it is not measured; with a near match.
        """
        if self.metric not in measures:
            raise AkidError(f"Validation has no measure {self.metric!r}. {near_match(self.metric, measures)}")
        return measures[self.metric]

    def better(self, value: float, than: float | None, by: float = 0.0) -> bool:
        """Whether ``value`` is better than the best one so far (None: there is none), by more than ``by``."""
        if than is None:
            return True
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
            AkidError: another key, or a patience < 1.
        """
        if spec is None or isinstance(spec, EarlyStopping):
            return spec
        options = {"patience": spec} if isinstance(spec, int) else dict(spec)
        patience = options.get("patience")
        known = set(options) <= {"patience", "min_delta"}
        if not known or not isinstance(patience, int) or patience < 1:
            raise AkidError(
                f'early_stopping must be {{"patience": validations >= 1, "min_delta": number}}. Received: {spec!r}'
            )
        return EarlyStopping(patience, float(options.get("min_delta", 0.0)))


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
