"""The supervisor's own lines in a member's log: JSON, with who says it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
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
        print(json.dumps(record), file=sys.stderr, flush=True)
