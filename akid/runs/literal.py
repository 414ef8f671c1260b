"""Directories under names that TensorFlow does not take for patterns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: TensorFlow looks for files by pattern wherever it reads a checkpoint, and knows no way to quote these.
SPECIAL = frozenset("*?[]{}\\")


@contextmanager
def literal(directory: Path) -> Iterator[Path]:
    """The same directory, in this context, under a path without special characters.

    Raises:
        OSError: it cannot be opened.
    """
    if not SPECIAL & set(str(directory)):
        yield directory
        return
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{opened}")
    finally:
        os.close(opened)
