"""Which versions of a model a directory has, and which of them to load; nothing is loaded here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from akid.errors import DataError
from akid.runs.checkpoint_files import committed, step_of

MODEL_FILE = "saved_model.pb"
RECIPE = "kid.yaml"


@dataclass(frozen=True)
class Source:
    """Where a version comes from.

    Attributes:
        version: a number.
        path: a SavedModel's directory, or a run's checkpoint.
        state: changes when what lies there does.
        run: the run directory of a checkpoint.
        best: whether it is one of the best checkpoints of the run, not one of the newest.
    """

    version: int
    path: Path
    state: tuple[int, ...]
    run: Path | None = None
    best: bool = False


def name_of(directory: Path) -> str:
    """A model's name if none is given: that of its directory, or of the run whose ``export/`` it is."""
    path = directory.absolute()
    name = path.parent.name if path.name == "export" else path.name
    return re.sub(r"[^\w.-]+", "-", name) or "model"


def sources_in(directory: Path, keep: int) -> list[Source]:
    """The versions there are, the newest last.

    Args:
        directory: a SavedModel, version 1; directories of them that are called by numbers, their versions; or a
            run, whose best checkpoint, else its newest, has the version of its step.
        keep: so many of the newest.

    Raises:
        DataError: it is nothing of these.
    """
    try:
        if (directory / MODEL_FILE).is_file():
            return [Source(1, directory, _state(directory))]
        if (directory / RECIPE).is_file():
            return _of_run(directory)
        numbers = sorted(int(p.name) for p in directory.iterdir() if re.fullmatch(r"0|[1-9]\d{0,17}", p.name))
        found = [
            Source(n, path, _state(path)) for n in numbers if ((path := directory / str(n)) / MODEL_FILE).is_file()
        ]
    except OSError as error:
        raise DataError(f"{directory} cannot be read: {error.strerror or error}. {_EXPECTED}") from error
    if not found:
        raise DataError(f"There is no model in {directory}. {_EXPECTED}")
    return found[-keep:]


_EXPECTED = (
    "Expected a SavedModel (of `akid export` or kid.export()), directories 1, 2, ... of such, or the directory of"
    " a run with a checkpoint."
)


def _of_run(directory: Path) -> list[Source]:
    for kind in ("best", "checkpoints"):
        found = committed(directory / kind)
        if found:
            return [Source(step_of(found[-1]), found[-1], _state(found[-1]), directory, kind == "best")]
    raise DataError(f"The run {directory} has no checkpoint yet.")


def _state(directory: Path) -> tuple[int, ...]:
    """A copy that is still being made changes it."""
    found = [path.stat() for path in sorted(directory.rglob("*"))]
    return tuple(number for s in found for number in (s.st_ino, s.st_mtime_ns, s.st_size))


def to_load(wanted: Sequence[Source], loaded: Mapping[int, Source], failed: Collection[Source]) -> list[Source]:
    """What is there and neither in memory nor known to be no good."""
    return [source for source in wanted if loaded.get(source.version) != source and source not in failed]


def to_keep(wanted: Sequence[Source], loaded: Mapping[int, Source]) -> list[int]:
    """The versions that go on being served: those wanted, or all there are while none of those can be loaded."""
    found = [source.version for source in wanted if source.version in loaded]
    return found or sorted(loaded)
