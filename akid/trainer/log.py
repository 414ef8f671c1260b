"""What a supervisor leaves behind: its own lines in a member's log (JSON, with who says it), its last words."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Log:
    """Structured lines on standard error.

    Args:
        who: fields of every line, such as rank and attempt.
    """

    def __init__(self, **who: Any) -> None:
        self.who = who

    def __call__(self, message: str, level: str = "info", **fields: Any) -> None:
        """Write a line."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"time": time, "level": level, **self.who, "message": message, **fields}
        # In one piece: others write to the same file.
        sys.stderr.write(json.dumps(record) + "\n")
        sys.stderr.flush()


def leave(file: str, message: str) -> None:
    """Leave a termination message; a disk that is full, or no file to write to, changes no exit code."""
    if file:
        with suppress(OSError):
            Path(file).write_text(message, encoding="utf-8")
