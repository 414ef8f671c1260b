"""Run an AkidJob on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from akid.engines import Engine
from akid.errors import DamagedFileError, DataError, InvalidSpecError, near_match
from akid.inference.export import export_brain, exported_outputs, restore_for_inference
from akid.job import AkidJob
from akid.job.api.kid import Kid as KidSpec
from akid.manifests.declare import Declared, declare_kid
from akid.manifests.scripts import kid_of_module, kid_of_script, render
from akid.runs.checkpoints import committed
from akid.runs.run_dir import RunDir, checked_mapping, write_atomically

#: Arguments that may differ when a run is resumed: how long, and what is shown or kept.
MAY_CHANGE = ("max_steps", "max_epoch", "train_log_step", "summary_step", "keep_checkpoints", "do_summary")


def kid_of_job(job: AkidJob, log_dir: Path | None = None) -> Declared:
    """The Kid of a manifest, in whichever form it is given.

    Args:
        job: checked by its model.
        log_dir: the run directory; the Kid's own if left out.

    Raises:
        InvalidManifestError: a type or an argument is wrong; with its path.
        InvalidSpecError: the script or the module is wrong, or the engine cannot run here.
        UserCodeError: the user's code raised an exception.
    """
    check_engine(job)
    declared = kid_of_spec(job.spec.kid, log_dir)
    if job.spec.engine.name != "single":  # the default, which leaves a kid in Python its own
        declared.kid.engine = Engine.of(engine_options(job))
    return declared


def engine_options(job: AkidJob) -> dict[str, Any]:
    """What `Engine.of` takes, of ``spec.engine``."""
    engine = job.spec.engine
    options: dict[str, Any] = {"name": engine.name}
    if engine.name == "data_parallel":
        options |= {"num_gpu": engine.gpus or None, "devices": engine.devices or "gpu"}
    elif engine.name == "multi_worker":
        options |= {"compression": engine.compression}
    return options


def check_engine(job: AkidJob) -> None:
    """See that this machine can run the job's engine; a job that only a cluster can run is valid all the same.

    Raises:
        InvalidSpecError: it cannot.
    """
    name = str(job.spec.engine.name)
    if name not in Engine.names:
        problem = f"this version runs the engines {', '.join(sorted(Engine.names))}, received {name!r}."
        raise InvalidSpecError("spec.engine.name", problem)


def kid_of_spec(spec: KidSpec, log_dir: Path | None = None) -> Declared:
    """The Kid of ``spec.kid``; see `kid_of_job`."""
    if spec.script is not None or spec.module is not None:
        return _kid_in_python(spec, log_dir)
    given: dict[str, Any] = {} if log_dir is None else {"log_dir": log_dir}
    return declare_kid(spec.arguments(), **given)


def _kid_in_python(spec: KidSpec, log_dir: Path | None) -> Declared:
    fields = ("script", "module", "params", "max_steps", "max_epoch")
    for name in spec.model_extra or {}:
        problem = "a kid in Python has no such field; it is said in Python."
        raise InvalidSpecError(f"spec.kid.{name}", problem, near_match(name, fields))
    params = spec.params or {}
    if spec.script is not None:
        kid = kid_of_script(render(spec.script, params))
    else:
        kid = kid_of_module(spec.module or "", params)
    if spec.max_steps is not None or spec.max_epoch is not None:
        kid.max_steps, kid.max_epoch = spec.max_steps, spec.max_epoch
    kid.log_dir = log_dir or kid.log_dir
    return Declared(kid, in_python=True)


def check_run(job: AkidJob, log_dir: Path) -> None:
    """See that a run directory holds no run of another kid.

    Raises:
        InvalidSpecError: it does, and has checkpoints of it.
    """
    run_dir = RunDir(log_dir)
    if not run_dir.kid.exists() or not committed(run_dir.checkpoints):
        return
    before = _recipe(run_dir.kid)
    changed = _difference(_comparable(before), _comparable(job.spec.kid.arguments()), "spec.kid")
    if changed:
        problem = f"differs from the kid that runs in {log_dir}; a run goes on with the kid it began with."
        raise InvalidSpecError(changed, problem, "Use another --log-dir, or --fresh to begin anew.")


def empty_run(log_dir: Path) -> None:
    """Remove what a run left in its directory."""
    run_dir = RunDir(log_dir)
    if not run_dir.kid.exists():
        return
    with run_dir.alone():
        for directory in (run_dir.checkpoints, run_dir.best, run_dir.events, run_dir.export):
            shutil.rmtree(directory, ignore_errors=True)
        for file in (run_dir.metrics, run_dir.result, run_dir.runtime, run_dir.signature, run_dir.kid):
            file.unlink(missing_ok=True)


def note_run(job: AkidJob, log_dir: Path) -> None:
    """Write down which kid runs in a directory."""
    text = yaml.safe_dump(job.spec.kid.arguments(), sort_keys=False)
    write_atomically(RunDir(log_dir).kid, text)


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
    spec = KidSpec.model_validate(_recipe(recipe))
    kid = kid_of_spec(spec, log_dir).kid
    run_dir = RunDir(log_dir)
    signature = restore_for_inference(run_dir, kid.brain, kid.moving_average, kid.seed, best)
    with kid.averaged():
        target = export_brain(kid.brain, signature, output or run_dir.export, kid.sensor, kid.seed)
    return target, exported_outputs(target)


def _recipe(path: Path) -> dict[str, Any]:
    """The ``spec.kid`` a run began with.

    Raises:
        DamagedFileError: it cannot be read.
    """
    try:
        return checked_mapping(yaml.safe_load(path.read_text(encoding="utf-8")), path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is damaged: it is not YAML.") from error


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
