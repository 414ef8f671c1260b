"""Constructors: what arguments they take, those that bases share included, and what to say of one they lack."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, Unpack

from akid.checks import Check
from akid.errors import AkidError, UnknownArgumentError, near_match


@functools.cache
def parameters_of(make: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a class or a function by name, their annotations resolved.

    What a constructor takes as ``**options: Unpack[SomeOptions]`` are the keys of that ``TypedDict``; what it
    takes as a bare ``**kwargs`` are the parameters of its base.
    """
    return _parameters(make)[0]


def takes_anything(make: Callable[..., Any]) -> bool:
    """Whether its signature does not tell what it takes: a bare ``**kwargs``, or annotations without a meaning."""
    try:
        return _parameters(make)[1]
    except NameError:
        return True


@functools.cache
def _parameters(make: Callable[..., Any]) -> tuple[Mapping[str, inspect.Parameter], bool]:
    functions = [make]
    if isinstance(make, type):
        functions = [vars(cls)["__init__"] for cls in make.__mro__[:-1] if "__init__" in vars(cls)]
    found: dict[str, inspect.Parameter] = {}
    is_open = False
    for function in functions:
        hints = typing.get_type_hints(function)
        parameters = list(inspect.signature(function).parameters.values())
        for p in parameters:
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self":
                found.setdefault(p.name, p.replace(annotation=hints.get(p.name, p.empty)))
        rest = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
        if rest is None:
            break
        if typing.get_origin(hints.get(rest)) is Unpack:
            found |= {n: p for n, p in _keys(typing.get_args(hints[rest])[0]).items() if n not in found}
            break
        is_open = True
    return MappingProxyType(found), is_open


def _keys(options: Any) -> dict[str, inspect.Parameter]:
    """The keys of a ``TypedDict`` as parameters; those that may be left out have a default."""
    kind, required = inspect.Parameter.KEYWORD_ONLY, options.__required_keys__
    return {
        name: inspect.Parameter(
            name, kind, annotation=hint, default=inspect.Parameter.empty if name in required else None
        )
        for name, hint in typing.get_type_hints(options).items()
    }


def unknown_argument(make: Callable[..., Any], given: Iterable[str]) -> UnknownArgumentError | None:
    """The error for the first of the names that a constructor does not take; None if it takes them all."""
    known = parameters_of(make)
    name = next((name for name in given if name not in known), None)
    if name is None:
        return None
    hint = near_match(name, known) or "It takes no arguments."
    return UnknownArgumentError(f"{make.__name__} has no argument {name!r}. {hint}", argument=name, hint=hint)


class Configured:
    """Base of what a user configures by the arguments of a constructor.

    An argument that the constructor does not have is refused with a near match, also where the constructor hands
    shared options on to its base; one that says no more than ``**kwargs`` is left to itself.
    """

    #: The class of errors of arguments.
    argument_error: ClassVar[type[AkidError]] = AkidError

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls.__init__ is object.__init__ and args:
            raise TypeError(f"{cls.__name__} takes no arguments. Received: {args!r}")
        if kwargs and not takes_anything(cls):
            error = unknown_argument(cls, kwargs)
            if error is not None:
                raise error
        return super().__new__(cls)

    @property
    def check(self) -> Check:
        """Checks of the constructor's arguments, whose errors begin with the object's name."""
        return Check(getattr(self, "name", type(self).__name__), self.argument_error)
