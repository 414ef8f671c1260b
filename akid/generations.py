"""Generations of a run directory: only the newest may write there. Standard library only.

A training process that was cut off, or stopped, does not know that it was replaced. So its successor leaves a mark
with the number of its generation, and whoever writes looks at the marks first. No lock is held meanwhile, since a
stopped process would hold it for ever. Instead a writer makes ready, looks, and then does one thing that fails, or
is lost, if a successor came in between: for the successor leaves its mark and then takes away what was made ready.
"""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

from akid.report import GENERATION

#: The directory of the marks: files named by a number.
MARKS = ".generations"


class Fence:
    """What keeps older generations from writing.

    Args:
        run_directory: where they write.
        generation: of this process; 0, without a supervisor, is not kept from anything.
    """

    def __init__(self, run_directory: Path, generation: int) -> None:
        self.directory, self.generation = run_directory, generation

    @classmethod
    def of_this_process(cls, run_directory: Path, environment: Mapping[str, str] = os.environ) -> Fence:
        """That of the generation the environment says."""
        return cls(run_directory, int(environment.get(GENERATION) or 0))

    def take(self) -> bool:
        """Begin to write; False if a newer generation does, or another process of this one.

        Raises:
            OSError: the mark cannot be written.
        """
        if not self.generation:
            return True
        mark, mine = self.directory / MARKS / str(self.generation), _name(os.getpid())
        mark.parent.mkdir(parents=True, exist_ok=True)
        try:
            with mark.open("x", encoding="utf-8") as file:
                file.write(mine)
        except FileExistsError:
            if mark.read_text(encoding="utf-8") != mine:
                return False
        for older in _marks(self.directory):
            if older < self.generation:
                (mark.parent / str(older)).unlink(missing_ok=True)
        return self.holds()

    def holds(self) -> bool:
        """Whether no newer generation has begun to write."""
        return not self.generation or newest(self.directory) <= self.generation


def newest(run_directory: Path) -> int:
    """The newest generation that wrote in a run directory; 0 for none."""
    return max(_marks(run_directory), default=0)


def _marks(run_directory: Path) -> list[int]:
    try:
        return [int(name) for name in os.listdir(run_directory / MARKS) if name.isdecimal()]
    except (FileNotFoundError, NotADirectoryError):
        return []


@functools.cache
def _name(pid: int) -> str:
    """Of this process: unlike a pid it is nobody else's, whatever the machine. A fork has its own."""
    return f"{pid} {uuid.uuid4().hex}"
