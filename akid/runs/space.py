"""Lack of space: what cannot be written waits, and the training goes on. Standard library only."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from akid.errors import NoSpaceError, StorageError
from akid.storage import AWAY, says

logger = logging.getLogger(__name__)

#: A disk that is full, a quota that is used up, what a system makes of a disk with errors, and a network's file
#: system whose client is started anew: they may pass.
LACKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, *AWAY)
#: Seconds between two attempts to write what waits.
RETRY = 5.0


def storage_error(what: str, error: Exception) -> StorageError:
    """The error for something that could not be written.

    Args:
        what: the beginning of the message, ``x cannot be written``.
        error: of the operating system, or of TensorFlow, which has it in its text.
    """
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    lack = next((number for number in LACKS if says(number, error)), None)
    if lack is None:
        return StorageError(f"{what}: {text}.")
    return NoSpaceError(f"{what}: {os.strerror(lack)}.", reason=os.strerror(lack))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the operating system in this context are of writing this file.

    Raises:
        StorageError: there was one.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(f"{path} cannot be written", error) from error


class Space:
    """Whether there is space in a directory, as attempts to write find it.

    It is told once, and again when the reason is another one, or gone.

    Args:
        directory: where.
        tell: what tells it.
    """

    def __init__(self, directory: Path, tell: Callable[[str], object] = logger.warning) -> None:
        self._directory, self._tell = directory, tell
        self._lacks: dict[str, str] = {}
        self._tried: dict[str, float] = {}

    def attempt(self, what: str, write: Callable[[], None]) -> bool:
        """Write something unless there is no space; whether there was.

        Args:
            what: a name of it.
            write: writes it; may raise a NoSpaceError, or any other error, which is raised.
        """
        self._tried[what] = time.monotonic()
        try:
            write()
        except NoSpaceError as error:
            known = error.reason in self._lacks.values()
            self._lacks[what] = error.reason
            if not known:
                self._tell(f"{error} The training goes on; what waits is written once there is space.")
            return False
        if self._lacks.pop(what, None) and not self._lacks:
            self._tell(f"There is space in {self._directory} again: what waited is written.")
        return True

    def is_time(self, what: str) -> bool:
        """Whether the last attempt to write this was long enough ago for another one."""
        return time.monotonic() - self._tried.get(what, -RETRY) >= RETRY
