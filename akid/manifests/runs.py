"""Run an AkidJob on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from akid.engines import Engine
from akid.errors import AkidError, DataError, InvalidSpecError, near_match
from akid.inference.export import export_brain, exported_outputs, restore_for_inference
from akid.inference.signature import Signature
from akid.job import AkidJob
from akid.job.api.kid import Kid as KidSpec
from akid.job.manifest.problems import received
from akid.kids.kid import Kid
from akid.manifests.declare import Declared, declare_kid
from akid.manifests.fill import filled_arguments
from akid.manifests.recipe import recipe_of
from akid.manifests.scripts import kid_of_module, kid_of_script, render
from akid.runs.run_dir import RunDir


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
    engine = engine_of(job)
    declared = kid_of_spec(job.spec.trained_kid, log_dir)
    if engine.name != "single":
        declared.kid.engine = engine
    return declared


def engine_of(job: AkidJob) -> Engine:
    """The engine of a manifest; a job for an engine that this version has not is valid all the same.

    Raises:
        InvalidSpecError: there is no such engine here, or it cannot be made with these options.
    """
    name = str(job.spec.engine.name)
    if name not in Engine.names:
        known = ", ".join(map(repr, sorted(filter(None, Engine.names))))
        raise InvalidSpecError("spec.engine.name", f"this version runs the engines {known}, received {name!r}.")
    try:
        return Engine.of(_engine_options(job))
    except AkidError as error:
        raise InvalidSpecError("spec.engine", str(error)) from error


def _engine_options(job: AkidJob) -> dict[str, Any]:
    engine = job.spec.engine
    options: dict[str, Any] = {"name": engine.name}
    if engine.name == "data_parallel":
        options |= {"num_gpu": engine.gpus or None, "devices": engine.devices or "gpu"}
    elif engine.name == "multi_worker":
        options |= {"compression": engine.compression}
    return options


def kid_of_spec(spec: KidSpec, log_dir: Path | None = None) -> Declared:
    """The Kid of ``spec.kid``; see `kid_of_job`."""
    if spec.script is not None or spec.module is not None:
        declared = _kid_in_python(spec, log_dir)
    else:
        given: dict[str, Any] = {} if log_dir is None else {"log_dir": log_dir}
        declared = declare_kid(filled_arguments(spec), **given)
    declared.kid.params = spec.params or {}
    return declared


def _kid_in_python(spec: KidSpec, log_dir: Path | None) -> Declared:
    fields = ("script", "module", "params", "max_steps", "max_epoch", "seed")
    extra = dict(spec.model_extra or {})
    seed = extra.pop("seed", None)
    for name in extra:
        problem = "a kid in Python has no such field; it is said in Python."
        raise InvalidSpecError(f"spec.kid.{name}", problem, near_match(name, fields))
    params = spec.params or {}
    if spec.script is not None:
        kid = kid_of_script(render(spec.script, params))
    else:
        kid = kid_of_module(spec.module or "", params)
    if spec.max_steps is not None or spec.max_epoch is not None:
        kid.max_steps, kid.max_epoch = spec.max_steps, spec.max_epoch
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InvalidSpecError("spec.kid.seed", f"expected an integer, received {received(seed)}.")
        kid.seed = seed
    kid.log_dir = log_dir or kid.log_dir
    return Declared(kid, in_python=True)


def kid_of_run(log_dir: Path, best: bool = False, step: int | None = None) -> tuple[Kid, Signature]:
    """The Kid of a run directory with what it learnt, its brain built; its data need not be there.

    Args:
        log_dir: the run directory.
        best: the best checkpoint instead of the newest.
        step: the checkpoint of this step instead of the newest.

    Returns:
        The Kid, which is not set up, and what its brain is given.

    Raises:
        DataError: it is no run directory, or has no such checkpoint.
    """
    recipe = log_dir / "kid.yaml"
    if not recipe.is_file():
        raise DataError(f"There is no {recipe}; expected the directory of a run of `akid run`.")
    kid = kid_of_spec(KidSpec.model_validate(recipe_of(recipe)), log_dir).kid
    signature = restore_for_inference(RunDir(log_dir), kid.brain, kid.moving_average, kid.seed, best, step)
    return kid, signature


def export_run(
    log_dir: Path, output: Path | None = None, best: bool = False, step: int | None = None
) -> tuple[Path, list[str]]:
    """Export what a run learnt; its data need not be there.

    Args:
        log_dir: the run directory.
        output: where to; ``export/`` in the run directory if left out.
        best: the best checkpoint instead of the newest.
        step: the checkpoint of this step instead of the newest.

    Returns:
        Where the export is, and the full names of its outputs, the main one first.

    Raises:
        DataError: it is no run directory, or has no such checkpoint.
    """
    kid, signature = kid_of_run(log_dir, best, step)
    with kid.averaged():
        target = export_brain(kid.brain, signature, output or RunDir(log_dir).export, kid.sensor, kid.seed)
    return target, exported_outputs(target)
