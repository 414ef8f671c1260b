"""Nested settings by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flat(values: Any, path: str = "") -> dict[str, Any]:
    """Nested parameters by path: ``{"activation": [{"type": "relu"}]}`` has ``activation[0].type``."""
    if isinstance(values, Mapping) and values:
        parts = [flat(value, f"{path}.{key}" if path else str(key)) for key, value in values.items()]
    elif isinstance(values, list | tuple) and values:
        parts = [flat(value, f"{path}[{index}]") for index, value in enumerate(values)]
    else:
        return {path: values}
    return {key: value for part in parts for key, value in part.items()}
