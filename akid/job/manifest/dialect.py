"""The dialect of YAML of every file of akid: what kubectl reads it as, so that a file means one thing.

kubectl reads YAML 1.1 as Go has it and turns it into JSON: ``on`` and ``y`` are booleans, ``0o17`` and ``017`` are
15, ``08`` is 8, ``1.0`` is the number 1, a date is a text, and of a key and a merge the later one counts.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from decimal import Decimal
from functools import partial
from typing import Any

import yaml
from yaml.constructor import ConstructorError

# Several times as fast, where PyYAML was built with libyaml.
_BaseLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_YAML = "tag:yaml.org,2002:"
_MERGE = "<<"
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{word: True for name in ("y", "yes", "true", "on") for word in (name, name.title(), name.upper())},
    **{word: False for name in ("n", "no", "false", "off") for word in (name, name.title(), name.upper())},
    **{word: float("nan") for word in (".nan", ".NaN", ".NAN")},
    **{f"{sign}{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_INTEGER = re.compile(
    r"[-+]?(?:0[bB](?P<b>[01]+)|0[xX](?P<x>[0-9a-fA-F]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>0|[1-9][0-9]*))"
)
_BASES = {"b": 2, "x": 16, "o": 8, "d": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
#: A number that begins with its point is read by other rules: an underscore must stand between digits.
_FRACTION = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")

Scalar = bool | int | float | str | None


def read_all(text: str) -> list[Any]:
    """The documents of a text, as JSON.

    Raises:
        yaml.YAMLError: it is not YAML, has a key twice, or what JSON cannot express, such as an infinite number.
    """
    return list(yaml.load_all(text, Loader=_Loader))


def read(text: str) -> Any:
    """The one document of a text; None if there is none. See `read_all`."""
    return yaml.load(text, Loader=_Loader)


def write(value: Any, width: int = 80) -> str:
    """JSON as YAML that `read`, and kubectl, read as the same; lines are folded at the width."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=width, allow_unicode=True)


def scalar(text: str) -> Scalar:
    """What a plain scalar, one without quotes, is."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return _real(text.replace("_", "")) if _FRACTION.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    digits = text.replace("_", "")
    whole = _INTEGER.fullmatch(digits)
    if whole is not None:
        kind = whole.lastgroup or "d"
        return _json_number(int(whole[kind], _BASES[kind]) * (-1 if digits[0] == "-" else 1))
    return _real(digits) if _FLOAT.fullmatch(digits) else text


def _real(text: str) -> Scalar:
    """A number; a text where it is too large for one."""
    value = float(text)
    return text if abs(value) == float("inf") else _json_number(value)


def _json_number(value: float) -> int | float:
    """A number as the API server holds it: whole ones in 64 bits are integers, all others floats."""
    whole = value if isinstance(value, int) else Decimal(repr(value))
    return int(whole) if whole == int(whole) and -(2**63) <= whole < 2**63 else float(value)


def _tag(value: Scalar) -> str:
    names = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str"}
    return _YAML + names[type(value)]


class _Resolver:
    """Which tag a node without one has, for reading and for deciding what needs quotes."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """See `yaml.resolver.BaseResolver`; ``implicit`` is (plain, quoted) of a scalar."""
        if kind is yaml.ScalarNode:
            plain = implicit[0]
            return _YAML + "merge" if plain and value == _MERGE else _tag(scalar(value) if plain else value)
        return _YAML + ("map" if kind is yaml.MappingNode else "seq")


class _Loader(_Resolver, _BaseLoader):
    """Gives JSON; a key given twice is an error, not a silent loss."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._flat: dict[int, yaml.MappingNode] = {}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what is merged in the place of the merge, once for each mapping; later keys count."""
        if id(node) in self._flat:
            return
        self._flat[id(node)] = node
        _refuse_duplicates(node)
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in node.value:
            pairs += self._merged(value) if key.tag == _YAML + "merge" else [(key, value)]
        node.value = pairs

    def _merged(self, value: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        """The pairs of a mapping, or of several, of which the first counts."""
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for node in nodes:
            if not isinstance(node, yaml.MappingNode):
                raise ConstructorError(
                    None, None, "expected a mapping, or a list of them, to merge", node.start_mark
                )
            self.flatten_mapping(node)
        return [pair for node in reversed(nodes) for pair in node.value]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping."""
        self.flatten_mapping(node)
        return super().construct_mapping(node, deep=deep)


def _refuse_duplicates(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag != _YAML + "merge" and isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise _wrong(f"duplicate key {key.value!r}", key)
            seen.add(key.value)


def _wrong(problem: str, node: yaml.Node) -> ConstructorError:
    return ConstructorError(None, None, problem, node.start_mark)


def _construct_scalar(loader: _Loader, node: yaml.ScalarNode, kinds: tuple[type, ...]) -> Scalar:
    """A value of a tag, which may have been written out: ``!!float 1``."""
    value = scalar(node.value)
    if not isinstance(value, kinds):
        raise _wrong(f"{node.value!r} is no {node.tag.removeprefix(_YAML)}", node)
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise _wrong(f"{node.value} is no number that JSON has", node)
    return value


def _json_alone() -> dict[Any, Any]:
    """The constructors, by tag: of what JSON has, nothing else; None is for all others."""
    kinds = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (float, int)}
    safe: dict[Any, Any] = _BaseLoader.yaml_constructors
    return {
        **{tag: safe[tag] for tag in (None, _YAML + "str", _YAML + "map", _YAML + "seq")},
        **{_YAML + name: partial(_construct_scalar, kinds=types) for name, types in kinds.items()},
        **{_YAML + name: safe[_YAML + "str"] for name in ("timestamp", "merge")},
    }


_Loader.yaml_constructors = _json_alone()


class _Dumper(_Resolver, _BaseDumper):
    """Quotes what would not be read as a text; repeats what stands in several places."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors."""
        return True
