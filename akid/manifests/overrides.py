"""``--set path=value``: change a field of a manifest from the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from akid.errors import InvalidSpecError, near_match
from akid.job.manifest import dialect

_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def apply_overrides(manifest: dict[str, Any], settings: Iterable[str]) -> None:
    """Change a manifest in place.

    Args:
        manifest: plain dicts and lists.
        settings: ``spec.kid.max_steps=100``, ``spec.kid.brain.blocks[0].ksize=[3, 3]``; values are YAML.

    Raises:
        InvalidSpecError: the setting has another form, or its path leads nowhere.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        parts = _parts(path)
        if not equals or not parts:
            raise InvalidSpecError("--set", f"expected path=value, received {setting!r}.")
        try:
            value = dialect.read(text)
        except yaml.YAMLError as error:
            reason = f": {error.problem}" if isinstance(error, yaml.constructor.ConstructorError) else ""
            raise InvalidSpecError(path, f"expected a value in YAML, received {text!r}{reason}.") from None
        _put(manifest, parts, value)


def _parts(path: str) -> list[str | int]:
    """``a.b[2]`` -> ``["a", "b", 2]``; empty if it is no path."""
    matches = list(_PART.finditer(path))
    if "".join(m[0] for m in matches) != path:
        return []
    return [int(m[2]) if m[2] else m[1] for m in matches]


def _put(manifest: Any, parts: list[str | int], value: Any) -> None:
    node, done = manifest, ""
    for part in parts[:-1]:
        node, done = _child(node, part, done)
    last = parts[-1]
    if isinstance(node, dict) and isinstance(last, str):
        node[last] = value
        return
    if isinstance(node, list) and isinstance(last, int) and last < len(node):
        node[last] = value
        return
    _child(node, last, done)  # says what is wrong


def _child(node: Any, part: str | int, done: str) -> tuple[Any, str]:
    path = f"{done}[{part}]" if isinstance(part, int) else f"{done}.{part}".lstrip(".")
    if isinstance(node, dict) and isinstance(part, str):
        if part in node:
            return node[part], path
        raise InvalidSpecError(path, "there is no such field to set.", near_match(part, node))
    if isinstance(node, list) and isinstance(part, int):
        if part < len(node):
            return node[part], path
        raise InvalidSpecError(path, f"the list has {len(node)} items.")
    raise InvalidSpecError(path, f"expected a mapping or a list at {done!r}, received {node!r}.")
