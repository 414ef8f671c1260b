"""What a block holds in its attributes: the blocks inside of it, their names, and copies of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
#: Attributes that refer to what others hold: TensorFlow's own begin so, and a block's own lists.
_TENSORFLOWS = ("_self_", "_obj_", "_tf_")
_LISTS = frozenset({"own_variables", "constraints"})
#: What most attributes are, and holds nothing.
_PLAIN = frozenset({bool, int, float, str})


def held(owner: object, kind: type[T]) -> Iterator[tuple[str, T]]:
    """Everything of a kind that an object holds in attributes, and lists, tuples and dicts in them.

    Gives:
        ``(place, what)``, each once, in the order in which the attributes were set first: ``inner`` for
        ``self.inner``, ``layers_0`` for ``self.layers[0]``, ``heads_left`` for ``self.heads["left"]``.
    """
    return _held(owner, lambda value: isinstance(value, kind))


def learners(owner: object) -> Iterator[tuple[str, Any]]:
    """The same of what has something to learn, by its class: blocks, `tf.Module`, Keras layers."""
    return _held(owner, lambda value: hasattr(type(value), "trainable_variables"))


def learnt_by(learner: Any) -> Iterator[Any]:
    """TensorFlow's variables that something learns; Keras has them in wrappers of its own."""
    for variable in learner.trainable_variables:
        value = getattr(variable, "value", None)
        yield variable if value is None or callable(value) else value


def _held(owner: object, wanted: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for attribute, value in list(vars(owner).items()):
        if attribute not in _LISTS and not attribute.startswith(_TENSORFLOWS):
            for place, found in _within(value, attribute, wanted):
                if id(found) not in seen:
                    seen.add(id(found))
                    yield place, found


def _within(value: Any, place: str, wanted: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    if value is None or type(value) in _PLAIN:
        return
    if wanted(value):
        yield place, value
    elif isinstance(value, dict):
        for key, item in list(value.items()):
            yield from _within(item, f"{place}_{key}", wanted)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _within(item, f"{place}_{index}", wanted)


def replaced(value: Any, kind: type[T], by: Callable[[T], T]) -> Any:
    """The value of an attribute with everything of a kind replaced; the value itself if there is none."""
    if isinstance(value, kind):
        return by(value)
    if not any(True for _ in _within(value, "", lambda v: isinstance(v, kind))):
        return value
    if isinstance(value, dict):
        return {key: replaced(item, kind, by) for key, item in value.items()}
    items = [replaced(item, kind, by) for item in value]
    return items if isinstance(value, list) else getattr(value, "_make", tuple)(items)


def once(named: Mapping[str, T]) -> dict[str, T]:
    """Everything once: what has several names under the first of them."""
    firsts: dict[int, str] = {}
    return {name: value for name, value in named.items() if firsts.setdefault(id(value), name) == name}


def name_of(place: str) -> str:
    """The name of what is there."""
    return re.sub(r"[^A-Za-z0-9_.\-]", "_", place).lstrip("_.-") or "inner"


def free_name(name: str, taken: set[str]) -> str:
    """The name, with underscores behind it if it is taken."""
    while name in taken:
        name += "_"
    return name
