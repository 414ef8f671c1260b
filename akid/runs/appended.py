"""Files that are added to: by one process at a time, whole pieces only, later if there is no space now."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from akid.runs.space import Space, writing

#: Most bytes that wait for space; of more the oldest are given up.
MOST = 1 << 26


def anyone() -> None:
    """No check of who writes."""


class Appended:
    """A file that grows.

    Args:
        path: of it; made with its directory when there is something to write.
        space: tells whether there is space.
        check: called once the file is open; may raise. A newer generation puts another file in this one's place.
    """

    def __init__(self, path: Path, space: Space, check: Callable[[], None] = anyone) -> None:
        self.path, self._space, self._check = path, space, check
        self._waiting: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Add a piece, now or once there is space.

        Raises:
            StorageError: it cannot be written, and not for lack of space.
        """
        self._waiting.append(piece)
        if not self._space.attempt(self.path.name, self.finish):
            while sum(map(len, self._waiting)) > MOST:
                del self._waiting[0]

    def try_again(self) -> None:
        """Write what waits, now and then; see `add`."""
        if self._waiting and self._space.is_time(self.path.name):
            self._space.attempt(self.path.name, self.finish)

    def finish(self) -> None:
        """Write what waits.

        Raises:
            StorageError: it cannot be written.
        """
        if self._waiting:
            append(self.path, b"".join(self._waiting), self._check)
            self._waiting.clear()


def append(path: Path, data: bytes, check: Callable[[], None] = anyone) -> None:
    """Add bytes to a file, all of them or none; see `Appended`.

    Raises:
        StorageError: they cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab", buffering=0)
    with file:
        check()
        with writing(path):
            _write_whole(file, data)


def _write_whole(file: FileIO, data: bytes) -> None:
    end = os.fstat(file.fileno()).st_size
    try:
        while data:
            data = data[file.write(data) :]
    except OSError:
        os.ftruncate(file.fileno(), end)
        raise
