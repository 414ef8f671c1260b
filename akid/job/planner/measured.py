"""What a trial reported of its objective: kept in its own status, in the writes that progress makes anyway."""

from __future__ import annotations

from akid.job.api.status import MAX_MEASURED, Progress, Status
from akid.job.api.tune import Measured


def value_of(progress: Progress, metric: str) -> float | None:
    """The newest value of a measure by its name in metrics.jsonl; None if it was not reported."""
    facts = {"loss": progress.loss, "val_loss": progress.val_loss}
    return facts[metric] if metric in facts else (progress.metrics or {}).get(metric)


def measured(status: Status, progress: Progress | None, metric: str) -> list[Measured]:
    """The values of the objective, with the newest one.

    A value is noted at the step at which it is first seen; the same one again is a validation not made anew.

    Args:
        status: the old one.
        progress: the newest.
        metric: the objective; empty: the job is no trial.
    """
    known = status.measured
    value = value_of(progress, metric) if progress and metric else None
    if progress is None or progress.step is None or value is None:
        return known
    if known and (known[-1].value == value or known[-1].step >= progress.step):
        return known
    return thinned([*known, Measured(step=progress.step, value=value)])


def thinned(values: list[Measured]) -> list[Measured]:
    """As many as fit: every second one goes, but for the least, the greatest and the newest."""
    if len(values) <= MAX_MEASURED:
        return values
    least, greatest = min(values, key=lambda one: one.value), max(values, key=lambda one: one.value)
    kept = (least, greatest, values[-1])
    return [one for index, one in enumerate(values) if index % 2 == 0 or any(one is other for other in kept)]
