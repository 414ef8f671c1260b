"""Which trials are hopeless: the median stopping rule (Golovin et al., 2017, section 3.2.1)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from akid.job.api.tune import EarlyStopping, GoalName
from akid.job.trials import Values


def best_of(values: Values, direction: GoalName) -> tuple[int, float] | None:
    """The (step, value) of the best value, the first of several; None if there is none."""
    sign = 1 if direction == "min" else -1
    return min(values, key=lambda one: sign * one[1], default=None)


def hopeless(values: Values, done: Iterable[Values], rule: EarlyStopping, direction: GoalName) -> bool:
    """Whether a trial's best value so far is worse than the median of the averages others had by its step.

    Args:
        values: of the trial.
        done: of each trial that has succeeded.
        rule: from which step on, and with how many others.
        direction: which way is better.
    """
    best = best_of(values, direction)
    if best is None or values[-1][0] < rule.start_step:
        return False
    averages = _averages(done, values[-1][0])
    if len(averages) < rule.min_trials:
        return False
    median = statistics.median(averages)
    return best[1] > median if direction == "min" else best[1] < median


def _averages(done: Iterable[Values], step: int) -> Sequence[float]:
    """The averages of what was reported up to a step, of the trials that reported anything by then."""
    known = [[value for at, value in values if at <= step] for values in done]
    return [statistics.fmean(values) for values in known if values]
