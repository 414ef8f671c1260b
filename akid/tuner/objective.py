"""What a tuning is to make small or large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from akid.kids.stopping import Goal


def objective_of(spec: str | Mapping[str, Any] | Goal) -> Goal:
    """A measure, by its name in ``metrics.jsonl``, and which way is better.

    Args:
        spec: ``"val_loss"``, ``"val_accuracy"``, ``"loss"``, ..., or ``{"metric": ..., "goal": "min" | "max"}``;
            losses and errors are to be small, other measures large, unless it says otherwise.

    Raises:
        AkidError: it is neither.
    """
    goal = Goal.of(spec)
    if isinstance(spec, Goal) or (isinstance(spec, Mapping) and "goal" in spec):
        return goal
    return Goal(goal.metric, Goal.of(goal.metric.removeprefix("val_")).goal)
