"""``akid run`` of a job with several members."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from akid.job import AkidJob
from akid.job.objects.processes import check_processes
from akid.manifests.recipe import check_run, empty_run
from akid.output import say
from akid.runner.chaos import parse_fault
from akid.runner.directory import forget_logs, held, served
from akid.runner.display import display_of
from akid.runner.run import LocalRun
from akid.runs.outcome import outcome
from akid.runs.run_dir import RunDir, read_json

#: Exit codes: a member failed; the kid is invalid.
FAILED, INVALID = 1, 2


def run_members(job: AkidJob, log_dir: Path, *, fresh: bool = False, chaos: Sequence[str] = ()) -> int:
    """Run every member as a process of this machine; gives the exit code.

    Args:
        job: checked by its model.
        log_dir: the run directory.
        fresh: begin anew in a run directory that was used before.
        chaos: faults on purpose, see `akid.runner.chaos`.

    Raises:
        InvalidSpecError: the job cannot run here, or the run directory is of another kid.
        StorageError: another runner uses the run directory.
    """
    check_processes(job)
    members = [f"{role.value}-{index}" for role, index in job.spec.engine.members()]
    faults = [parse_fault(text, members) for text in chaos]
    with held(log_dir), served(job) as files:
        if fresh:
            empty_run(log_dir)
            forget_logs(log_dir)
        check_run(job, log_dir)
        RunDir(log_dir).result.unlink(missing_ok=True)
        cpus = len(os.sched_getaffinity(0))
        run = LocalRun(job, log_dir, files, display_of(members), cpus, faults)
        told = run.run()
    if told is not None:
        return 128 + told
    return _conclude(run, log_dir)


def _conclude(run: LocalRun, log_dir: Path) -> int:
    """Say how the job ended."""
    status = run.job.status
    failed = status.condition("Failed")
    if failed is not None and failed.status == "True":
        invalid = failed.reason == "InvalidKid" and status.last_failure is not None
        message = status.last_failure.message if invalid and status.last_failure else failed.message
        say(f"akid: {message.strip()}", sys.stderr)
        say(f"logs: akid logs {log_dir}", sys.stderr)
        return INVALID if invalid else FAILED
    say(f"{run.job.metadata.name}: {summary(run, log_dir)}")
    say(f"results: {log_dir}")
    return 0


def summary(run: LocalRun, log_dir: Path) -> str:
    """What came of a job that succeeded, in a line."""
    result = read_json(RunDir(log_dir).result)
    parts = [outcome(result) if result else "succeeded"]
    told = run.told
    for text, number in (
        ("restarts", run.job.status.restarts),
        ("restarts in place", told.get("in_place_restarts", 0)),
        ("steps redone", told.get("steps_redone", 0)),
    ):
        parts += [f"{text} {number}"] if number else []
    return ", ".join(parts)
