"""A file system that is away for a while: a network's, whose client is started anew. Standard library only.

What is mounted then lies over what was there. So a path leads to it, while whatever was open stays dead; and what
goes wrong meanwhile may come as any error, of any program.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

#: The client is gone; it is another one; it went in the middle of a request.
AWAY = (errno.ENOTCONN, errno.ESTALE, errno.ECONNABORTED)
#: Seconds between two attempts, and for all of them.
RETRY, PATIENCE = 0.1, 120.0
#: Where a member's files lie.
DIRECTORIES = ("AKID_LOG_DIR", "AKID_DATA_PATH")


def is_away(error: BaseException) -> bool:
    """Whether an error, or one it came from, is of a file system that is away; TensorFlow has it in its text."""
    return any(says(number, each) for each in _chain(error) for number in AWAY)


def says(number: int, error: BaseException) -> bool:
    """Whether an error is that of the operating system with this number, or has its text."""
    return getattr(error, "errno", None) == number or os.strerror(number) in str(error)


def patiently(read: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What ``read`` gives, once the file system is there; it must open its files anew each time.

    Args:
        read: may raise any error; one of a file system that is away is raised only if that stays away ...
        seconds: ... for so long.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return read()
        except Exception as error:
            if not is_away(error) or time.monotonic() > end:
                raise
        time.sleep(RETRY)


class Mounts:
    """What is mounted where a process has its files, from its start on.

    Args:
        paths: directories, there or not.
    """

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self._before = {os.fspath(path): _device(os.fspath(path)) for path in paths}

    @classmethod
    def of_this_process(cls, environment: Mapping[str, str] = os.environ) -> Mounts:
        """Those of a member's run directory and its data."""
        return cls(environment[name] for name in DIRECTORIES if environment.get(name))

    @property
    def changed(self) -> bool:
        """Whether one of them was replaced, or is away now."""
        now = {path: _device(path) for path in self._before}
        return any(before and now[path] not in (before, 0) for path, before in self._before.items())

    def wait(self, seconds: float = PATIENCE) -> bool:
        """Wait until none is away; whether that is so."""
        end = time.monotonic() + seconds
        while away := any(_device(path) < 0 for path in self._before):
            if time.monotonic() > end:
                break
            time.sleep(RETRY)
        return not away


def _device(path: str) -> int:
    """The number of the file system a path is on; 0 if there is nothing, -1 if it is away."""
    try:
        return os.stat(path).st_dev
    except OSError as error:
        return -1 if is_away(error) else 0


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
