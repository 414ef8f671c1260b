"""The kid a run directory belongs to: noted, compared, and forgotten to begin anew. It loads no TensorFlow."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from akid.errors import DamagedFileError, InvalidSpecError
from akid.job import AkidJob
from akid.job.manifest import dialect
from akid.runs.checkpoint_files import committed
from akid.runs.run_dir import RunDir, checked_mapping, write_atomically
from akid.runs.settings import difference

#: Arguments that may differ when a run is resumed: how long, and what is shown or kept.
MAY_CHANGE = ("max_steps", "max_epoch", "train_log_step", "summary_step", "keep_checkpoints", "do_summary")


def check_resumed(name: str, log_dir: Path) -> None:
    """See that the run directory of another job that is to be gone on with is there.

    Raises:
        InvalidSpecError: it holds no run: a name that is wrong would begin anew, unseen.
    """
    if name and not RunDir(log_dir).kid.exists():
        beside = sorted(kid.parent.name for kid in log_dir.parent.glob("*/kid.yaml"))
        near = difflib.get_close_matches(name, beside, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Runs beside it: {', '.join(beside[:5]) or 'none'}."
        raise InvalidSpecError(
            "spec.volumes.log.resumeFrom", f"there is no run in {log_dir}. Received: {name!r}.", hint
        )


def check_run(job: AkidJob, log_dir: Path) -> None:
    """See that a run directory holds no run of another kid.

    Raises:
        InvalidSpecError: it does, and has checkpoints of it.
    """
    run_dir = RunDir(log_dir)
    if not run_dir.kid.exists() or not committed(run_dir.checkpoints):
        return
    before = recipe_of(run_dir.kid)
    changed = difference(_comparable(before), _comparable(job.spec.trained_kid.arguments()), "spec.kid")
    if changed:
        problem = f"differs from the kid that runs in {log_dir}; a run goes on with the kid it began with."
        raise InvalidSpecError(changed, problem, "Use another --log-dir, or --fresh to begin anew.")


def empty_run(log_dir: Path) -> None:
    """Remove what a run left in its directory."""
    run_dir = RunDir(log_dir)
    if not run_dir.kid.exists():
        return
    with run_dir.alone():
        made = run_dir.checkpoints, run_dir.best, run_dir.events, run_dir.export, run_dir.visualization
        for directory in (*made, run_dir.wandb):
            shutil.rmtree(directory, ignore_errors=True)
        noted = run_dir.runtime, run_dir.signature, run_dir.settings, run_dir.trackers, run_dir.kid
        for file in (run_dir.metrics, run_dir.evaluations, run_dir.result, *noted):
            file.unlink(missing_ok=True)


def note_run(job: AkidJob, log_dir: Path) -> None:
    """Write down which kid runs in a directory."""
    text = dialect.write(job.spec.trained_kid.arguments())
    write_atomically(RunDir(log_dir).kid, text)


def recipe_of(path: Path) -> dict[str, Any]:
    """The ``spec.kid`` a run began with.

    Raises:
        DamagedFileError: it cannot be read.
    """
    try:
        return checked_mapping(dialect.read(path.read_text(encoding="utf-8")), path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is damaged: it is not YAML.") from error


def _comparable(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in MAY_CHANGE}
