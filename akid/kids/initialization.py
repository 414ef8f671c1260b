"""Fine-tuning: a brain begins with what the brain of another run learnt, by name."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.inner import once
from akid.checks import Check
from akid.errors import DamagedFileError, DataError, near_match
from akid.runs.checkpoint_files import META, committed
from akid.runs.checkpoints import VARIABLES
from akid.runs.literal import literal
from akid.runs.matching import Match, match, useless
from akid.runs.run_dir import read_json
from akid.runs.variables import Form

logger = logging.getLogger(__name__)
_PREFIX = "brain/"
_ARGUMENT = "initialize_from"
#: How many variables a message names.
_SHOWN = 5


@dataclass(frozen=True)
class InitializeFrom:
    """Where the first values of a brain's variables come from.

    Attributes:
        path: a run directory, whose newest checkpoint counts, or one checkpoint of it.
        best: the best checkpoint of the run directory instead.
        strict: whether it is an error if a variable of the brain, or one of the checkpoint's brain, has no
            counterpart of its name, shape and dtype.
        exclude: patterns of full names, ``logits/*``, of what keeps the value of its initialiser.
    """

    path: str
    best: bool = False
    strict: bool = False
    exclude: tuple[str, ...] = ()

    @staticmethod
    def of(spec: str | os.PathLike[str] | Mapping[str, Any] | InitializeFrom | None) -> InitializeFrom | None:
        """From a path or ``{"path": ..., "best": True, "strict": True, "exclude": ["logits/*"]}``.

        Raises:
            AkidError: another key, or an argument that cannot be.
        """
        if spec is None or isinstance(spec, InitializeFrom):
            return spec
        check = Check(_ARGUMENT if isinstance(spec, Mapping) else "")
        options: dict[Any, Any] = dict(spec) if isinstance(spec, Mapping) else {_ARGUMENT: spec}
        keys = [f.name for f in dataclasses.fields(InitializeFrom)]
        unknown = [key for key in options if key not in keys and isinstance(spec, Mapping)]
        if unknown or not options:
            hint = near_match(str(unknown[0]), keys) if unknown else ""
            raise Check().wrong(_ARGUMENT, f"a path, or a mapping of some of {keys}", spec, hint)
        path = options.get("path") if isinstance(spec, Mapping) else spec
        return InitializeFrom(
            check.path("path" if isinstance(spec, Mapping) else _ARGUMENT, path),
            check.flag("best", options.get("best", False)),
            check.flag("strict", options.get("strict", False)),
            check.texts("exclude", options.get("exclude", ())),
        )


@dataclass(frozen=True)
class Initialization:
    """What a brain has begun with; kept in ``initialization.json`` of the run directory.

    Attributes:
        checkpoint: where the values come from.
        step: of that checkpoint.
        loaded, excluded, left_out, unused: see `Match`.
    """

    checkpoint: str
    step: int
    loaded: tuple[str, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return dataclasses.asdict(self)

    @staticmethod
    def of_json(noted: Mapping[str, Any]) -> Initialization:
        """What `to_json` gave."""
        return Initialization(**{**noted, "loaded": tuple(noted["loaded"]), "unused": tuple(noted["unused"])})

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.excluded) + len(self.left_out)
        lines = [f"{len(self.loaded)} of {total} variables are those of {self.checkpoint}"]
        lines += [f"  {name}: excluded by {pattern!r}" for name, pattern in self.excluded.items()]
        lines += [f"  {name} {reason}" for name, reason in self.left_out.items()]
        lines += [f"  {name} is in the checkpoint only." for name in self.unused]
        return "\n".join(lines)


def initialize(brain: Brain, source: InitializeFrom) -> Initialization:
    """Put what another run learnt into a brain.

    Args:
        brain: built.
        source: of the values.

    Raises:
        DataError: there is no such checkpoint, nothing of it fits, a pattern fits nothing, or, if that is asked
            for, not all fits.
        DamagedFileError: it cannot be read.
    """
    path = checkpoint_at(Path(source.path), source.best)
    variables = once(brain.named_variables())
    here: dict[str, Form] = {name: (tuple(v.shape), v.dtype) for name, v in variables.items()}
    try:
        with literal(path) as readable:
            prefix = str(readable / VARIABLES)
            there = _forms(prefix)
            found = match(here, there, source.exclude)
            _check(found, source, path, here, there)
            values = _read(prefix, {name: here[name] for name in found.loaded})
    except (OSError, ValueError, tf.errors.OpError) as error:
        if isinstance(error, DataError):
            raise
        message = getattr(error, "message", None) or error
        problem = f"{_ARGUMENT}: the checkpoint {path} cannot be read: {message}"
        raise DamagedFileError(f"{problem}. Give another checkpoint.", argument=_ARGUMENT) from error
    for name, value in zip(found.loaded, values, strict=True):
        variables[name].assign(value)
    step = (read_json(path / META) or {}).get("step", 0)
    report = Initialization(str(path), step, **vars(found))
    logger.log(logging.WARNING if found.left_out else logging.INFO, "%s", report)
    return report


def checkpoint_at(path: Path, best: bool = False) -> Path:
    """A checkpoint by its own path, or the newest or the best one of a run directory.

    Raises:
        DataError: there is none.
    """
    if (path / META).exists():
        return path
    kept = committed(path / ("best" if best else "checkpoints"))
    if kept:
        return kept[-1]
    if not path.is_dir():
        problem = f"there is no directory {path}"
    else:
        problem = f"there is no {'best ' if best else ''}checkpoint in {path}"
        if best and committed(path / "checkpoints"):
            problem += ", but a latest one (best: False)"
    raise DataError(
        f"{_ARGUMENT}: {problem}. Expected a run directory, or one of its checkpoints, such as"
        f" {Path('RUN') / 'checkpoints' / 'step-00000500'}. Received: path={str(path)!r}",
        argument=_ARGUMENT,
    )


def _forms(prefix: str) -> dict[str, Form]:
    """Shape and dtype of the variables of the brain in a checkpoint, by full name."""
    reader = tf.train.load_checkpoint(prefix)
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    names = sorted(name for name in shapes if name.startswith(_PREFIX))
    return {name.removeprefix(_PREFIX): (tuple(shapes[name]), dtypes[name]) for name in names}


def _read(prefix: str, forms: Mapping[str, Form]) -> list[tf.Tensor]:
    """The values of variables of the brain in a checkpoint."""
    return tf.raw_ops.RestoreV2(
        prefix=prefix,
        tensor_names=[_PREFIX + name for name in forms],
        shape_and_slices=[""] * len(forms),
        dtypes=[dtype for _, dtype in forms.values()],
    )


def _check(
    found: Match, source: InitializeFrom, path: Path, here: Mapping[str, Form], there: Mapping[str, Form]
) -> None:
    """See that the match is what was asked for.

    Raises:
        DataError: it is not.
    """
    pattern = useless(source.exclude, here, there)
    if pattern is not None:
        hint = near_match(pattern, here)
        problem = f"{_ARGUMENT}: no variable fits exclude={pattern!r}. {hint}"
        raise DataError(problem, argument=_ARGUMENT, hint=hint)
    reasons = [f"{name} {reason}" for name, reason in found.left_out.items()]
    if not found.loaded:
        reasons += [f"{name}: excluded by {pattern!r}." for name, pattern in found.excluded.items()]
        problem = f"nothing in {path} fits this brain, so it would begin as if there were no checkpoint"
    elif source.strict and (reasons or found.unused):
        reasons += [f"{name} is in the checkpoint only." for name in found.unused]
        problem = f"strict: not everything in {path} and in this brain has a counterpart"
    else:
        return
    more = f" And {len(reasons) - _SHOWN} more." if len(reasons) > _SHOWN else ""
    raise DataError(f"{_ARGUMENT}: {problem}. {' '.join(reasons[:_SHOWN])}{more}", argument=_ARGUMENT)
