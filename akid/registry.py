"""Registry: classes that can be chosen by name, ``"cosine"`` or ``{"name": "cosine", "decay_steps": 100}``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from akid.constructors import parameters_of
from akid.errors import AkidError, near_match

T = TypeVar("T")


class Registry(Mapping[str, type[T]], Generic[T]):
    """Classes of one kind by name; third parties add theirs, and ``del registry[name]`` removes one.

    Args:
        kind: in words, for errors: ``learning-rate scheme``.
        error: the class to raise.
    """

    def __init__(self, kind: str, error: type[AkidError] = AkidError) -> None:
        self.kind, self.error = kind, error
        self._classes: dict[str, type[T]] = {}

    def add(self, name: str, made: type[T]) -> None:
        """Register a class; one without a name is not registered.

        The same definition once more, as when a cell of a notebook is run again, takes the place of the first.

        Raises:
            AkidError: the name belongs to another class.
        """
        if not name:
            return
        known = self._classes.get(name)
        if known is not None and _place(known) != _place(made):
            raise self.error(
                f"The {self.kind} {name!r} is {_place(known)} already. Give {_place(made)} another name, or remove"
                f" the first: `del ...names[{name!r}]`. Received: name={name!r}",
                argument="name",
            )
        self._classes[name] = made

    def make(self, spec: str | Mapping[str, Any], default: str = "") -> T:
        """An object, of a name or of ``{"name": ..., **arguments}``.

        Args:
            spec: what to make.
            default: the name if the mapping has none.

        Raises:
            AkidError: there is no such name, or the class does not take such arguments; with a near match.
        """
        options = {"name": spec} if isinstance(spec, str) else dict(spec)
        name = options.pop("name", default)
        made = self._classes.get(name) if isinstance(name, str) else None
        if made is None:
            hint = near_match(str(name), self._classes)
            raise self.error(f"Unknown {self.kind}. {hint} Received: {spec!r}", hint=hint)
        self._check(made, str(name), options)
        return made(**options)

    def _check(self, made: type[T], name: str, options: Mapping[str, Any]) -> None:
        """Raises an error if a class does not take these arguments."""
        known = parameters_of(made)
        unknown = [key for key in options if key not in known]
        missing = [n for n, p in known.items() if p.default is inspect.Parameter.empty and n not in options]
        if not unknown and not missing:
            return
        near = near_match(str(unknown[0]), known) if unknown else ""
        hint = f" {near}" if near.startswith("Did") else ""
        problem = f"Unknown: {unknown[0]!r}.{hint}" if unknown else f"Missing: {missing[0]!r}."
        raise self.error(
            f"The {self.kind} {name!r} takes {list(known) or 'no arguments'}. {problem} Received: {options!r}",
            argument=str((unknown or missing)[0]),
            hint=near,
        )

    def __getitem__(self, name: str) -> type[T]:
        return self._classes[name]

    def __delitem__(self, name: str) -> None:
        del self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


def _place(made: type) -> str:
    return f"{made.__module__}.{made.__qualname__}"
