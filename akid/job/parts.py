"""Parts of what a server answered; what is missing or of another type is taken as absent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

Object = Mapping[str, Any]
NOTHING: Object = MappingProxyType({})


def mapping(value: Object, key: str) -> Object:
    """The mapping under a key; an empty one if there is none."""
    inner = value.get(key)
    return cast("Object", inner) if isinstance(inner, Mapping) else NOTHING


def items(value: Object, key: str) -> list[Object]:
    """The mappings of the list under a key."""
    inner = value.get(key)
    listed = cast("list[object]", inner) if isinstance(inner, list) else []
    return [cast("Object", item) for item in listed if isinstance(item, Mapping)]
