"""From a declarative kid, plain dicts and lists, to Python objects.

The types are the classes of akid by name, the arguments those of their constructors: what a manifest may say is
exactly what Python may say. Nothing in a manifest can run code: only names in the tables of `akid.catalog` count.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from akid.brains import Brain
from akid.catalog import BLOCKS, BRAINS, CATALOGS, SENSORS, Catalog
from akid.errors import AkidError, InvalidSpecError, near_match
from akid.job.problems import InvalidManifestError, received
from akid.kids import Kid

#: Keys of a declarative kid that hold objects; all others are arguments of `Kid`.
OBJECTS = ("sensor", "brain", "kongfu")


class Problems:
    """What is wrong with a manifest, collected so that all of it can be told at once."""

    def __init__(self) -> None:
        self.found: list[InvalidSpecError] = []

    @contextmanager
    def at(self, path: str, parameters: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Errors of akid in this context are problems of the field at ``path``."""
        try:
            yield
        except InvalidSpecError as error:
            self.found.append(error)
        except AkidError as error:
            self.found.append(InvalidSpecError(_argument_path(path, str(error), parameters or {}), str(error)))

    def check(self) -> None:
        """Raise what was found.

        Raises:
            InvalidManifestError: with every problem.
        """
        if self.found:
            raise InvalidManifestError(self.found)


def declare_kid(spec: Mapping[str, Any], path: str = "spec.kid", **arguments: Any) -> Kid:
    """A Kid from its declarative form.

    Args:
        spec: ``{"sensor": {...}, "brain": {...}, "kongfu": {...}, "max_steps": 2000, ...}``.
        path: where it stands in the manifest.
        **arguments: further arguments of `Kid`, from the command line.

    Raises:
        InvalidManifestError: with the path of every wrong field, what was expected and a near match.
    """
    problems = Problems()
    objects = {
        "sensor": _sensor(spec.get("sensor", {}), f"{path}.sensor", problems),
        "brain": _brain(spec.get("brain", {}), f"{path}.brain", problems),
        "kongfu": _object(spec.get("kongfu", {}), CATALOGS["kongfu"], f"{path}.kongfu", problems),
    }
    rest = {key: value for key, value in spec.items() if key not in OBJECTS}
    hidden = (*OBJECTS, "sensor_in", "brain_in", "kongfu_in", "progress", "engine")
    bound = _bind(Kid, rest, path, problems, hidden)
    problems.check()
    with problems.at(path, parameters_of(Kid)):
        return Kid(**objects, **(bound | arguments))
    problems.check()
    raise AssertionError("unreachable")


def _sensor(spec: Mapping[str, Any], path: str, problems: Problems) -> Any:
    return _object({"type": "Sensor", **spec}, SENSORS, path, problems)


def _brain(spec: Mapping[str, Any], path: str, problems: Problems) -> Any:
    """A ready brain by its type, or a `Brain` of blocks."""
    options = dict(spec)
    blocks = options.pop("blocks", None)
    catalog = BRAINS if options.get("type", "Brain") != "Brain" else Catalog("brain", {"Brain": Brain})
    brain = _object({"type": "Brain", **options}, catalog, path, problems)
    for index, block in enumerate(blocks or ()):
        where = f"{path}.blocks[{index}]"
        made = _block(block, where, problems)
        if isinstance(brain, Brain) and made is not None:
            with problems.at(f"{where}.inputs" if isinstance(block, Mapping) and "inputs" in block else where):
                brain.attach(made)
    return brain


def _block(spec: Any, path: str, problems: Problems) -> Any:
    if isinstance(spec, Mapping) and "blocks" in spec:
        return _brain(spec, path, problems)
    return _object(spec, BLOCKS, path, problems)


def _object(spec: Any, catalog: Catalog, path: str, problems: Problems) -> Any:
    """An object from ``{"type": name, **arguments}``; None, and a problem, if that cannot be."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("type"), str):
        text = f"expected {{type: {catalog.kind}, ...}}, received {received(spec)}."
        problems.found.append(InvalidSpecError(path, text))
        return None
    make = catalog.types.get(spec["type"])
    if make is None:
        hint = near_match(spec["type"], catalog.types)
        text = f"there is no {catalog.kind} called {spec['type']!r}."
        problems.found.append(InvalidSpecError(f"{path}.type", text, hint))
        return None
    before = len(problems.found)
    given = {key: value for key, value in spec.items() if key != "type"}
    arguments = _bind(make, given, path, problems)
    if len(problems.found) > before:
        return None
    with problems.at(path, parameters_of(make)):
        return make(**arguments)
    return None


def _bind(
    make: Callable[..., Any],
    given: Mapping[str, Any],
    path: str,
    problems: Problems,
    hidden: Sequence[str] = (),
) -> dict[str, Any]:
    """Check arguments against a signature; objects among them are made."""
    parameters = {n: p for n, p in parameters_of(make).items() if n not in hidden}
    bound: dict[str, Any] = {}
    for name, value in given.items():
        if name not in parameters:
            text = f"{make.__name__} has no argument {name!r}."
            problems.found.append(InvalidSpecError(f"{path}.{name}", text, near_match(name, parameters)))
            continue
        catalog = _catalog_of(parameters[name].annotation)
        if catalog is not None:
            bound[name] = _objects(value, catalog, f"{path}.{name}", problems)
        else:
            with problems.at(f"{path}.{name}"):
                bound[name] = _checked(value, parameters[name].annotation, f"{path}.{name}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in given:
            problems.found.append(InvalidSpecError(f"{path}.{name}", f"{make.__name__} needs this argument."))
    return bound


def _objects(value: Any, catalog: Catalog, path: str, problems: Problems) -> Any:
    if isinstance(value, list):
        return [_object(v, catalog, f"{path}[{i}]", problems) for i, v in enumerate(value)]
    return _object(value, catalog, path, problems)


def _checked(value: Any, annotation: Any, path: str) -> Any:
    """The value, if it is of the annotated type.

    Raises:
        InvalidSpecError: it is not.
    """
    if annotation is inspect.Parameter.empty:
        return value
    adapter = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True, strict=True))
    try:
        adapter.validate_python(value)
    except ValidationError:
        raise InvalidSpecError(path, f"expected {type_text(annotation)}, received {received(value)}.") from None
    return value


def parameters_of(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a class or a function, those its ``**kwargs`` hands on to its bases included."""
    functions = [make]
    if isinstance(make, type):
        functions = [vars(cls)["__init__"] for cls in make.__mro__ if "__init__" in vars(cls)]
    found: dict[str, inspect.Parameter] = {}
    for function in functions:
        hints = typing.get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
        for p in parameters:
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self":
                found.setdefault(p.name, p.replace(annotation=hints.get(p.name, p.empty)))
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found


def _catalog_of(annotation: Any) -> Catalog | None:
    """The catalog of the objects a parameter takes, if it takes objects."""
    for kind in _classes(annotation):
        for catalog in CATALOGS.values():
            if catalog.base is not None and issubclass(kind, catalog.base):
                return catalog
    return None


def _classes(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes(argument)


def type_text(annotation: Any) -> str:
    """An annotation in words a reader of YAML knows."""
    names = {int: "an integer", float: "a number", str: "a text", bool: "true or false", type(None): "null"}
    if annotation in names:
        return names[annotation]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return "one of " + ", ".join(repr(a) for a in args)
    if origin is not None and issubclass_safe(origin, Mapping):
        return "a mapping"
    if origin is not None and issubclass_safe(origin, Sequence):
        return f"a list of {type_text(args[0])}" if args else "a list"
    if args:
        texts = [type_text(a) for a in args]
        plain = [t for t in dict.fromkeys(texts) if not t.startswith("<")]
        return " or ".join(plain)
    return f"<{getattr(annotation, '__name__', annotation)}>"


def issubclass_safe(kind: Any, base: type) -> bool:
    """Whether ``kind`` is a class under ``base``."""
    return isinstance(kind, type) and issubclass(kind, base)


def _argument_path(path: str, message: str, parameters: Mapping[str, Any]) -> str:
    """The path of the argument an error of a constructor speaks of: ``conv1: ksize must be ...``."""
    match = re.match(r"(?:[\w.\-]+: )?(\w+) must", message)
    return f"{path}.{match[1]}" if match and match[1] in parameters else path
