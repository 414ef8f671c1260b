"""Where the checkpoints of a run lie: directories by the number of their step. It loads no TensorFlow."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from akid.errors import StorageError

#: Says which step it is and what else a run must know; a directory without it is no checkpoint.
META = "checkpoint.json"


def committed(directory: Path) -> list[Path]:
    """The complete checkpoints of a directory, oldest first; whatever else lies there is left alone.

    Raises:
        StorageError: the directory cannot be read.
    """
    return [path for path in numbered(directory) if (path / META).exists()]


def numbered(directory: Path) -> list[Path]:
    """What has the name of a checkpoint, by the number of its step."""
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(f"The checkpoints in {directory} cannot be read: {error.strerror}.") from error
    return sorted((directory / name for name in names if is_numbered(name, "step-")), key=step_of)


def is_numbered(name: str, prefix: str) -> bool:
    """Whether this is the name of a checkpoint, or of one that is being written, by its prefix."""
    return re.fullmatch(rf"{prefix}([0-9]{{8}}|[1-9][0-9]{{8,}})", name) is not None


def partial_of(step: int, generation: int) -> str:
    """The name of a checkpoint that is being written; generations are not in each other's way."""
    return f"partial-{step:08d}" + (f".{generation}" if generation else "")


def remove_partial(directory: Path) -> None:
    """Remove checkpoints that are not complete; whoever still writes one cannot commit it any more."""
    if directory.is_dir():
        for path in directory.iterdir():
            name, _, generation = path.name.partition(".")
            if is_numbered(name, "partial-") and (path.name == name or generation.isdecimal()):
                shutil.rmtree(path, ignore_errors=True)


def step_of(path: Path) -> int:
    """The step of a checkpoint."""
    return int(path.name.removeprefix("step-"))
