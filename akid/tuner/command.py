"""What `akid run`, `akid validate` and `akid render` do with a job that is tuned."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from akid.errors import InvalidSpecError
from akid.job import AkidJob, parse
from akid.job.manifest import dialect
from akid.job.trials import Trial, trials_of
from akid.manifests.runs import kid_of_spec
from akid.manifests.set_up import check_shapes
from akid.output import say
from akid.tuner.job import filled_in, job_of_trial, tune_job, tune_of
from akid.tuner.result import TuneResult
from akid.tuner.trial import Status

#: Exit code: too many trials failed, or all.
FAILED = 1
#: Brains `akid validate` builds at most.
MOST_BUILT = 20


def run_tuning(job: AkidJob, log_dir: Path, *, fresh: bool = False) -> int:
    """Run the trials, show a table, and leave it and pictures in the directory; gives the exit code.

    Raises:
        AkidError: see `akid.tuner.job.tune_job`.
    """
    result = tune_job(job, log_dir, fresh=fresh)
    say(str(result), end="")
    for path in _files(result, log_dir):
        say(f"wrote {path}")
    problem = _problem(job, result)
    if problem:
        say(f"akid: {problem}", sys.stderr)
        return FAILED
    best = result.best
    if best is not None:
        told = f"trial {best.number}, {result.goal.metric} {best.best:.4g} at step {best.best_step}"
        say(f"{job.metadata.name}: the best is {told}")
        say(f"results: {best.log_dir}")
    return 0


def _files(result: TuneResult, log_dir: Path) -> Iterator[Path]:
    yield result.to_csv(log_dir / "results.csv")
    if result.measured and importlib.util.find_spec("matplotlib") is not None:
        yield result.plot_parallel_coordinates(log_dir / "parallel_coordinates.png")
        yield result.plot_bars(log_dir / "bars.png")


def _problem(job: AkidJob, result: TuneResult) -> str:
    """Why the tuning failed; empty if it did not."""
    failed, most = [t for t in result.trials if t.status is Status.FAILED], tune_of(job).max_failed_trials
    last = f" Trial {failed[-1].number}: {failed[-1].error}" if failed else ""
    if most is not None and len(failed) > most:
        return f"{len(failed)} trials failed, more than spec.tune.maxFailedTrials, {most}.{last}"
    if len(failed) == len(result.trials):
        return f"no trial succeeded.{last}"
    if result.best is None:
        return f"spec.tune.objective.metric: no trial measured {result.goal.metric!r}."
    return ""


def validated(job: AkidJob) -> str:
    """Fill in every trial's kid, and build those that differ from all before in a set of parameters.

    Returns:
        How many trials there are, and what was not checked.

    Raises:
        InvalidSpecError: a trial's kid is wrong; with its number and its parameters.
    """
    trials = trials_of(tune_of(job))
    told = {f"{len(trials)} trials": None}
    for trial in trials:
        with _told_of(trial):
            filled_in(job, trial)
    chosen = different(trials)
    for trial in chosen[:MOST_BUILT]:
        with _told_of(trial):
            kid = parse(job_of_trial(job, trial)).spec.trained_kid
            told[check_shapes(kid_of_spec(kid))] = None
    if len(chosen) > MOST_BUILT:
        told[f"shapes were checked of {MOST_BUILT} of them"] = None
    return ", ".join(filter(None, told))


def different(trials: Sequence[Trial]) -> list[Trial]:
    """The trials whose parameters of the network, or of the optimization, no earlier one has."""
    seen: set[str] = set()
    found = []
    for trial in trials:
        sets = {f"net {trial.net_paras}", f"opt {trial.opt_paras}"}
        found += [trial] if sets - seen else []
        seen |= sets
    return found


@contextmanager
def _told_of(trial: Trial) -> Iterator[None]:
    """An error in this context says which trial's kid is wrong."""
    try:
        yield
    except InvalidSpecError as error:
        problem = f"{error.problem} In trial {trial.number}: {trial.params}."
        raise InvalidSpecError(error.path, problem, error.hint) from error


def rendered(job: AkidJob) -> str:
    """Every trial's job, its kid filled in, as documents of YAML."""
    documents = []
    for trial in trials_of(tune_of(job)):
        made = job_of_trial(job, trial)
        made["spec"]["kid"] = filled_in(job, trial)
        documents.append(f"# Trial {trial.number}: {trial.params}\n{dialect.write(made)}")
    return "---\n".join(documents)
