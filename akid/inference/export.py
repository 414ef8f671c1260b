"""Export: a brain as a SavedModel, which needs no akid to be served."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.errors import BlockError, DataError, StorageError
from akid.inference.predictor import Predictor, preparation
from akid.inference.signature import Signature
from akid.runs.checkpoint_files import committed, step_of
from akid.runs.checkpoints import Checkpoints
from akid.runs.literal import SPECIAL
from akid.runs.run_dir import RunDir, read_json, write_json

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.kongfus.moving_average import MovingAverage
    from akid.sensors.sensor import Sensor

logger = logging.getLogger(__name__)
#: Where an export says what a SavedModel cannot: which output is the main one.
DESCRIPTION = Path("assets.extra") / "akid.json"
_MODEL = "saved_model.pb"


def export_brain(
    brain: Brain,
    signature: Signature,
    directory: str | os.PathLike[str],
    sensor: Sensor | None = None,
    seed: int = 0,
) -> Path:
    """Write a SavedModel with what the brain's variables hold now.

    Its signatures, the batch dimension open: ``serving_default`` takes ``data`` (``data_0``, ``data_1``, ... if
    there are several) as the brain does; ``raw``, if the sensor's preparation can be traced, as the source gives
    it. Both give the outputs by full name; ``assets.extra/akid.json`` has their order, the main one first.

    Args:
        brain: built.
        signature: of the batches it learns from.
        directory: replaced if there is an export already.
        sensor: for ``raw``; need not be set up.
        seed: of the run.

    Raises:
        DataError: the directory holds something else.
        StorageError: it cannot be written.
        BlockError: a block uses a variable that akid does not know.
    """
    target = Path(os.path.normpath(directory))
    if target.exists() and target.samefile(os.curdir):
        raise DataError(
            f"{target} is the current directory, which an export would replace; give another one, such as"
            f" {target / 'export'}."
        )
    if target.exists() and not (target / _MODEL).exists() and (target.is_file() or any(target.iterdir())):
        raise DataError(f"{target} is not empty and holds no export; give another directory.")
    raw = None if sensor is None else _raw(brain, signature, sensor, seed)
    functions = {"serving_default": Predictor(brain, signature.batch), **({} if raw is None else {"raw": raw})}
    _replace(target, brain, functions, sensor)
    odd = "".join(sorted(SPECIAL & set(str(target.absolute()))))
    if odd:
        logger.warning("TensorFlow cannot load an export from a path with any of %s: copy %s first", odd, target)
    return target


def _replace(target: Path, brain: Brain, functions: dict[str, Predictor], sensor: Sensor | None) -> None:
    """Write beside the target, then put that in its place."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _save(brain, functions, sensor, partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
        raise StorageError(f"The export cannot be written to {target}: {reason}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _raw(brain: Brain, signature: Signature, sensor: Sensor, seed: int) -> Predictor | None:
    """The signature that takes what the source gives; None, and a warning, if it cannot be traced."""
    try:
        return Predictor(brain, signature.raw, preparation(sensor, seed))
    except Exception as error:
        # A user's joker or source may do what a graph cannot. The other signature does not need it.
        logger.warning("the export has no signature 'raw': the sensor's preparation cannot be traced (%s)", error)
        return None


class _Exported(tf.Module):
    """What holds the variables of a SavedModel."""

    held: list[tf.Variable]
    jokers: list[tf.Variable]


def _save(brain: Brain, functions: dict[str, Predictor], sensor: Sensor | None, path: Path) -> None:
    module = _Exported()
    module.held = list(brain.named_variables().values())
    module.jokers = [] if sensor is None else list(sensor.jokers.named_variables().values())
    signatures = {name: predictor.function.get_concrete_function() for name, predictor in functions.items()}
    try:
        tf.saved_model.save(module, str(path), signatures)
    except AssertionError as error:  # TensorFlow's, of what a function uses and the module does not hold
        found = re.search(r"<tf\.Variable '[^']*'[^>]*?shape=\([^)]*\)", str(error))
        raise BlockError(
            f"The brain {brain.name!r} cannot be exported: a block uses a variable that akid does not know."
            " Make it by self.variable(name, shape) in _setup(), or hold it in an attribute."
            + (f" Received: {found[0]}>" if found else "")
        ) from error
    main = functions["serving_default"]
    description = {
        "brain": brain.name,
        "outputs": main.outputs,
        "signatures": {name: [_described(s) for s in p.signature] for name, p in functions.items()},
    }
    (path / DESCRIPTION).parent.mkdir()
    write_json(path / DESCRIPTION, description)


def exported_outputs(directory: Path) -> list[str]:
    """Full names of the outputs of an export, the main one first."""
    return (read_json(directory / DESCRIPTION) or {})["outputs"]


def _described(spec: tf.TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype.name}


def restore_for_inference(
    run_dir: RunDir,
    brain: Brain,
    moving_average: MovingAverage | None = None,
    seed: int = 0,
    best: bool = False,
    step: int | None = None,
) -> Signature:
    """Build a brain and put a run's checkpoint into it, without data: the run directory has all that is needed.

    Args:
        run_dir: of the run.
        brain: not built.
        moving_average: not set up; of the parameters, if the run keeps one.
        seed: of the run.
        best: the best checkpoint instead of the newest.
        step: the checkpoint of this step instead of the newest.

    Raises:
        DataError: the run directory has no such checkpoint, or one of another Kid.
    """
    signature = Signature.read(run_dir.signature)
    brain.build(signature.batch, seed)
    variables = {f"brain/{name}": v for name, v in brain.named_variables().items()}
    if moving_average is not None:
        moving_average.setup(brain.parameters)
        variables |= {f"moving_average/{name}": v for name, v in moving_average.slots.items()}
    if Checkpoints(run_dir.checkpoints, run_dir.best, variables).restore(best, step) is None:
        raise DataError(missing_checkpoint(run_dir, best, step))
    return signature


def missing_checkpoint(run_dir: RunDir, best: bool, step: int | None = None) -> str:
    """Why there is nothing to restore."""
    here = run_dir.best if best else run_dir.checkpoints
    other: Sequence[Path] = committed(run_dir.checkpoints)
    kept = ", ".join(str(step_of(path)) for path in committed(here))
    if step is not None and kept:
        return f"There is no checkpoint of step {step} in {here}; there are those of the steps {kept}."
    hint = " There is a latest one, however." if best and other else ""
    return f"There is no readable checkpoint in {here}.{hint}"
