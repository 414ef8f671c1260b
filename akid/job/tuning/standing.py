"""How the trials of a job stand: by what its status remembers, and by what is seen of their jobs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from akid.job.api.tune import Best, Trials, Tune
from akid.job.planner.conditions import format_indexes, parse_indexes
from akid.job.planner.facts import View
from akid.job.trials import Trial, TrialState, Values, trials_of
from akid.job.tuning.median import best_of, hopeless


@dataclass(frozen=True)
class Standing:
    """The trials of one moment.

    Attributes:
        view: the job, and what is seen of it.
        tune: what is tuned.
    """

    view: View
    tune: Tune

    @cached_property
    def trials(self) -> list[Trial]:
        """All of them, in their order."""
        return trials_of(self.tune)

    @cached_property
    def seen(self) -> dict[int, TrialState]:
        """What is seen of them, by number; no trial of another tuning."""
        return {one.number: one for one in self.view.observed.trials if one.number < len(self.trials)}

    def _known(self, kind: str) -> list[int]:
        """The numbers the status remembers of a kind."""
        trials = self.view.job.status.trials
        return parse_indexes(getattr(trials, f"{kind}_indexes")) if trials else []

    @cached_property
    def stopped_before(self) -> frozenset[int]:
        """Those that were stopped early, as the status remembers it: it is written before one is deleted."""
        return frozenset(self._known("stopped"))

    @cached_property
    def succeeded(self) -> frozenset[int]:
        """Those that succeeded. They never run again, though their jobs may be gone."""
        seen = {number for number, one in self.seen.items() if one.state == "Succeeded"}
        return (frozenset(self._known("succeeded")) | seen) - self.stopped_before

    @cached_property
    def failed(self) -> frozenset[int]:
        """Those that failed."""
        seen = {number for number, one in self.seen.items() if one.state == "Failed"}
        known = frozenset(self._known("failed"))
        return (known | seen) - self.stopped_before - self.succeeded

    @cached_property
    def newly_failed(self) -> list[TrialState]:
        """Those that failed and have not been told of."""
        known = self._known("failed")
        return [self.seen[number] for number in sorted(self.failed.difference(known))]

    @cached_property
    def newly_stopped(self) -> list[TrialState]:
        """Those that are hopeless beside the ones that succeeded."""
        rule = self.tune.early_stopping
        if rule is None:
            return []
        done = [self.seen[number].values for number in sorted(self.succeeded) if number in self.seen]
        direction = self.tune.objective.direction
        return [one for one in self._unfinished if hopeless(one.values, done, rule, direction)]

    @cached_property
    def _unfinished(self) -> list[TrialState]:
        over = self.succeeded | self.failed | self.stopped_before
        return [one for number, one in sorted(self.seen.items()) if number not in over]

    @cached_property
    def stopped(self) -> frozenset[int]:
        """Those that are stopped early."""
        return self.stopped_before | {one.number for one in self.newly_stopped}

    @cached_property
    def over(self) -> frozenset[int]:
        """Those that will never run again."""
        return self.succeeded | self.failed | self.stopped

    @cached_property
    def active(self) -> list[TrialState]:
        """Those whose jobs are there and not over."""
        return [one for one in self._unfinished if one.number not in self.stopped]

    @cached_property
    def missing(self) -> list[Trial]:
        """Those that have no job and need one."""
        return [one for one in self.trials if one.number not in self.over and one.number not in self.seen]

    @property
    def superfluous(self) -> list[TrialState]:
        """Jobs of trials that were stopped early."""
        return [one for number, one in sorted(self.seen.items()) if number in self.stopped and not one.over]

    @property
    def running(self) -> bool:
        """Whether one runs, or has run."""
        return bool(self.over) or any(one.state == "Running" for one in self.active)

    def counts(self, started: int = 0) -> Trials:
        """The counts for the status; one whose job is being made is as good as running."""
        active, over = len(self.active) + started, len(self.over)
        return Trials(
            total=len(self.trials),
            pending=len(self.trials) - active - over,
            running=active,
            succeeded=len(self.succeeded),
            failed=len(self.failed),
            stopped=len(self.stopped),
            finished=f"{over}/{len(self.trials)}",
            succeeded_indexes=format_indexes(sorted(self.succeeded)),
            failed_indexes=format_indexes(sorted(self.failed)),
            stopped_indexes=format_indexes(sorted(self.stopped)),
        )

    @cached_property
    def best(self) -> Best | None:
        """The best of the trials that are over; one whose job is gone is remembered."""
        objective, known = self.tune.objective, self.view.job.status.best
        sign = 1 if objective.direction == "min" else -1
        found = [one for number in sorted(self.over) if (one := self._measured(number)) is not None]
        new = min(found, key=lambda one: sign * one.value, default=None)
        if known is None or (new is not None and sign * new.value < sign * known.value):
            return new
        return known

    def _measured(self, number: int) -> Best | None:
        """The best value of a trial that was seen; of those that failed, none."""
        one = self.seen.get(number)
        if one is None or number in self.failed:
            return None
        values: Values = one.values
        best = best_of(values, self.tune.objective.direction)
        if best is None:
            return None
        trial = self.trials[number]
        tried = {"netParas": dict(trial.net_paras), "optParas": dict(trial.opt_paras), "repeat": trial.repeat}
        return Best(
            trial=number,
            name=one.name,
            parameters=tried,
            metric=self.tune.objective.metric,
            value=best[1],
            step=best[0],
            checkpoint=self._checkpoint(one),
        )

    def _checkpoint(self, one: TrialState) -> str:
        """Where its best checkpoint lies on the log volume; empty if there is no volume that outlives its pods."""
        log = self.view.job.spec.volumes.log
        if log is None or log.empty_dir is not None:
            return ""
        return f"{self.view.job.metadata.namespace}/{one.name}-{one.uid[:8]}/best"
