"""Lines of JSON among others, as in the log of a member, which several processes write to."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any


def json_lines(text: str) -> list[dict[str, Any]]:
    """The mappings; a line that another one cut into, as TensorFlow's do, is none."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if line.startswith("{"):
            with suppress(ValueError):
                found.append(json.loads(line))
    return found
