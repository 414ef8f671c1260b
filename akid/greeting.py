"""What TensorFlow says on standard error each time it is loaded, whatever its log level; left out."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: In lines that say the same every time, and nothing that a user could act on.
GREETINGS = (b"log messages before absl::InitializeLog()", b"oneDNN custom operations are on")


@contextmanager
def without_greetings() -> Iterator[None]:
    """Standard error without these lines; the others come when the context ends.

    The library writes past Python, to the file descriptor. A processor without AVX2 never sees the greetings, and
    TensorFlow may abort there with a message that must not be held back. A process without standard error sees
    none either.
    """
    if not _has_stderr() or not _has_avx2():
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        before = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            os.write(2, kept(held.read()))


def kept(text: bytes) -> bytes:
    """The lines that are no greetings."""
    return b"".join(line for line in text.splitlines(True) if not any(g in line for g in GREETINGS))


def _has_stderr() -> bool:
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


def _has_avx2() -> bool:
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
