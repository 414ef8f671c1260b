"""Run an AkidJob on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from akid.declare import declare_kid
from akid.errors import DataError, InvalidSpecError
from akid.export import export_brain, exported_outputs, restore_for_inference
from akid.job import AkidJob
from akid.job.kid import Kid as KidSpec
from akid.kids import Kid
from akid.run_dir import RunDir, write_atomically
from akid.scripts import kid_of_module, kid_of_script, render

#: Arguments that may differ when a run is resumed: how long, and what is shown or kept.
MAY_CHANGE = ("max_steps", "max_epoch", "train_log_step", "summary_step", "keep_checkpoints", "do_summary")


def kid_of_job(job: AkidJob, log_dir: Path | None = None) -> Kid:
    """The Kid of a manifest, in whichever form it is given.

    Args:
        job: checked by its model.
        log_dir: the run directory; a script's or a module's Kid keeps its own if left out.

    Raises:
        InvalidManifestError: a type or an argument is wrong; with its path.
        InvalidSpecError: the script or the module is wrong, or the engine cannot run here.
        UserCodeError: the user's code raised an exception.
    """
    name = str(job.spec.engine.name)
    if name != "single":
        problem = f"this version runs the engine 'single' only, received {name!r}."
        raise InvalidSpecError("spec.engine.name", problem)
    return kid_of_spec(job.spec.kid, log_dir)


def kid_of_spec(spec: KidSpec, log_dir: Path | None = None) -> Kid:
    """The Kid of ``spec.kid``; see `kid_of_job`."""
    params = spec.params or {}
    if spec.script is not None:
        kid = kid_of_script(render(spec.script, params))
    elif spec.module is not None:
        kid = kid_of_module(spec.module, params)
    else:
        given: dict[str, Any] = {} if log_dir is None else {"log_dir": log_dir}
        return declare_kid(spec.arguments(), **given)
    for key in ("max_steps", "max_epoch"):
        if getattr(spec, key) is not None:
            kid.max_steps, kid.max_epoch = spec.max_steps, spec.max_epoch
    if log_dir is not None:
        kid.log_dir = log_dir
    return kid


def prepare_run(job: AkidJob, log_dir: Path, fresh: bool) -> None:
    """Make the run directory this job's: a new one, an old one to go on with, or emptied.

    Raises:
        InvalidSpecError: it holds the run of another kid.
    """
    run_dir = RunDir(log_dir)
    spec = job.spec.kid.arguments()
    if fresh and run_dir.kid.exists():
        for directory in (run_dir.checkpoints, run_dir.best, run_dir.events, run_dir.export):
            shutil.rmtree(directory, ignore_errors=True)
        for file in (run_dir.metrics, run_dir.result, run_dir.runtime, run_dir.kid):
            file.unlink(missing_ok=True)
    if run_dir.kid.exists():
        before = yaml.safe_load(run_dir.kid.read_text(encoding="utf-8"))
        changed = _difference(_comparable(before), _comparable(spec), "spec.kid")
        if changed:
            problem = f"differs from the kid that runs in {log_dir}; a run goes on with the kid it began with."
            raise InvalidSpecError(changed, problem, "Use another --log-dir, or --fresh to begin anew.")
    write_atomically(run_dir.kid, yaml.safe_dump(spec, sort_keys=False))


def export_run(log_dir: Path, output: Path | None = None, best: bool = False) -> tuple[Path, list[str]]:
    """Export what a run learnt; its data need not be there.

    Args:
        log_dir: the run directory.
        output: where to; ``export/`` in the run directory if left out.
        best: the best checkpoint instead of the newest.

    Returns:
        Where the export is, and the full names of its outputs, the main one first.

    Raises:
        DataError: it is no run directory, or has no such checkpoint.
    """
    recipe = log_dir / "kid.yaml"
    if not recipe.is_file():
        raise DataError(f"There is no {recipe}; expected the directory of a run of `akid run`.")
    spec = KidSpec.model_validate(yaml.safe_load(recipe.read_text(encoding="utf-8")))
    kid = kid_of_spec(spec, log_dir)
    signature = restore_for_inference(kid, best)
    with kid.averaged():
        target = export_brain(kid.brain, signature, output or RunDir(log_dir).export, kid.sensor, kid.seed)
    return target, exported_outputs(target)


def _comparable(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in MAY_CHANGE}


def _difference(before: Any, now: Any, path: str) -> str | None:
    """Path of the first field that differs."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *now]:
            found = _difference(before.get(key), now.get(key), f"{path}.{key}")
            if found:
                return found
        return None
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return next((d for i, (b, n) in pairs if (d := _difference(b, n, f"{path}[{i}]"))), None)
    return None if before == now else path


def check_shapes(kid: Kid) -> str:
    """Build the brain in a graph of its own, which tells shapes and wires that do not fit.

    Returns:
        Why shapes could not be checked; empty if they were.

    Raises:
        AkidError: they do not fit.
    """
    try:
        kid.sensor.setup(kid.seed)
    except DataError as error:
        return f"shapes are not checked: {error}"
    kid.brain.trace(kid.sensor.signature())
    return ""
