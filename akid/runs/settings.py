"""Settings on which what a run learns depends: described, compared when a run goes on. It loads no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from akid.constructors import Configured, parameters_of

#: Arguments that say where things are and what they are called, not what is learnt.
_OTHER = frozenset(("name", "work_dir", "url", "checksums"))


def described(thing: Configured) -> dict[str, Any]:
    """The class of an object, and those of its constructor's arguments that it keeps and JSON can hold."""
    kept = {name: _plain(value) for name, value in vars(thing).items() if _is_setting(thing, name)}
    return {"type": type(thing).__name__, **{name: value for name, value in kept.items() if value is not None}}


def _is_setting(thing: Configured, name: str) -> bool:
    return name not in _OTHER and name in parameters_of(type(thing))


def _plain(value: Any) -> Any:
    """What JSON can hold of a value, None if it cannot hold all of it."""
    if isinstance(value, Configured):
        return described(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (list, tuple)):
        parts = [_plain(part) for part in value]
        return None if None in parts else parts
    return value if isinstance(value, (bool, int, float, str)) else None


def difference(before: Any, now: Any, path: str) -> str | None:
    """Path of the first field that differs."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*before, *now]:
            found = difference(before.get(key), now.get(key), f"{path}.{key}" if path else str(key))
            if found:
                return found
        return None
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return next((d for i, (b, n) in pairs if (d := difference(b, n, f"{path}[{i}]"))), None)
    return None if before == now else path
