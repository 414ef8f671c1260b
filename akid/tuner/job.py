"""``spec.tune`` on this machine: the trials that a cluster would run, by the same rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from akid.errors import InvalidSpecError
from akid.job import AkidJob
from akid.job.api.engine import Engine
from akid.job.api.tune import Tune
from akid.job.trials import Trial as JobTrial
from akid.job.trials import trials_of
from akid.job.tuning.manifests import trial_job
from akid.job.tuning.median import hopeless
from akid.kids.stopping import Goal
from akid.runs.run_dir import RunDir
from akid.tuner.devices import Devices
from akid.tuner.process import setting_of
from akid.tuner.result import TuneResult
from akid.tuner.strategies import Proposal, Strategy, same
from akid.tuner.table import Table
from akid.tuner.templates import Template
from akid.tuner.tune import check_same
from akid.tuner.tuning import Rules, Tuning


class JobStrategy(Strategy):
    """The trials of a job, in its order; the hopeless ones are stopped by its rule.

    Args:
        tune: ``spec.tune``.
        size: devices for each.
    """

    def __init__(self, tune: Tune, size: int) -> None:
        self._tune, self._size = tune, size
        self._rest = iter(trials_of(tune))
        self._values: dict[int, list[tuple[int, float]]] = {}
        self._succeeded: set[int] = set()

    @property
    def sizes(self) -> tuple[int]:
        """See `Strategy`."""
        return (self._size,)

    def propose(self) -> Proposal | None:
        """See `Strategy`."""
        trial = next(self._rest, None)
        if trial is None:
            return None
        return Proposal(trial.net_paras, trial.opt_paras, trial.repeat, self._size)

    def recall(self, proposal: Proposal) -> Proposal | None:
        """See `Strategy`; how many devices it takes may have changed, as ``parallelism`` may."""
        own = self.propose()
        before = Proposal(proposal.net_paras, proposal.opt_paras, proposal.repeat, self._size)
        return own if own is not None and same(own, before) else None

    def hopeless(self, number: int, step: int, value: float) -> bool:
        """See `Strategy`."""
        earlier = self._values.get(number, [])
        # One that was interrupted makes some steps again.
        values = self._values[number] = [*(told for told in earlier if told[0] < step), (step, value)]
        rule, direction = self._tune.early_stopping, self._tune.objective.direction
        if rule is None:
            return False
        others = [tuple(self._values.get(other, ())) for other in sorted(self._succeeded)]
        return hopeless(tuple(values), others, rule, direction)

    def finished(self, number: int, value: float | None, pruned: bool = False) -> None:
        """See `Strategy`."""
        if value is not None and not pruned:
            self._succeeded.add(number)


def tune_job(job: AkidJob, log_dir: Path, *, fresh: bool = False, progress: bool | None = None) -> TuneResult:
    """Run the trials of a job on this machine, ``spec.tune.parallelism`` at a time.

    They share its devices: its GPUs as ``spec.engine`` asks for them, or, where there are none, its CPUs evenly.
    Interrupted and called again, it goes on where it was.

    Args:
        job: with a ``spec.tune``.
        log_dir: holds a run directory for each trial, ``trial-0000``, ...
        fresh: forget what an earlier call left there.
        progress: see `akid.tuner.tune.tune`.

    Raises:
        InvalidSpecError: the template cannot be filled in for the first trial.
        DataError: a trial needs more GPUs than there are, or ``log_dir`` holds another tuning.
        KeyboardInterrupt, SystemExit: see `akid.tuner.tune.tune`.
    """
    tune, template = tune_of(job), template_of(job)
    filled_in(job, trials_of(tune)[0])
    devices = Devices.of_this_machine()
    strategy = JobStrategy(tune, size_of(job.spec.engine, devices, min(tune.parallelism, tune.trials)))
    devices.check(strategy.sizes)
    goal = Goal(tune.objective.metric, tune.objective.direction)
    rules = Rules(lambda trial: _checked_job(job, setting_of(trial)), tune.parallelism, tune.max_failed_trials)
    directory = RunDir(log_dir)
    with directory.alone():
        check_same(directory.path, template.kid, fresh)
        tuning = Tuning(strategy, goal, devices, directory.path, Table(goal.metric, progress), rules)
        tuning.run()
    return TuneResult(tuple(tuning.trials), goal)


def tune_of(job: AkidJob) -> Tune:
    """``spec.tune`` of a job that has one."""
    if job.spec.tune is None:
        raise InvalidSpecError("spec.tune", "required field is missing.")
    return job.spec.tune


def template_of(job: AkidJob) -> Template:
    """What the trials of a job fill in."""
    kid = job.spec.trained_kid.arguments()
    return Template(kid, "spec.kid.script" if "script" in kid else "spec.kid")


def filled_in(job: AkidJob, trial: JobTrial) -> dict[str, Any]:
    """``spec.kid`` of a trial with its parameters filled in, its own ones as well.

    Raises:
        InvalidSpecError: the template is wrong, or a value is not given; with the line or the path.
    """
    template = template_of(job)
    return template.filled({**(template.kid.get("params") or {}), **trial.params})


def _checked_job(job: AkidJob, trial: JobTrial) -> dict[str, Any]:
    filled_in(job, trial)
    return job_of_trial(job, trial)


def job_of_trial(job: AkidJob, trial: JobTrial) -> dict[str, Any]:
    """The AkidJob of a trial: what a cluster makes of it, but for what only a cluster has."""
    raw: Mapping[str, Any] = {"spec": job.spec.model_dump(mode="json", exclude_unset=True)}
    made = trial_job(raw, job, trial)
    return {**made, "metadata": {"name": made["metadata"]["name"]}}


def size_of(engine: Engine, devices: Devices, parallelism: int) -> int:
    """How many devices a trial takes: the GPUs its engine asks for, or its share of the CPUs."""
    if devices.gpu:
        return max(1, engine.gpus * engine.size)
    return max(1, len(devices.names) // parallelism)
