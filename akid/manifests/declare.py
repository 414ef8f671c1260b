"""From a declarative kid, plain dicts and lists, to Python objects.

The types are the classes of akid by name, the arguments those of their constructors: what a manifest may say is
exactly what Python may say. Nothing in a manifest can run code: only names in the tables of
`akid.manifests.catalog` count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from akid.blocks.block import Block
from akid.blocks.brain import Brain
from akid.blocks.wiring import SYSTEM_IN
from akid.constructors import parameters_of
from akid.errors import near_match
from akid.job.manifest.problems import join, received
from akid.kids.kid import Kid
from akid.manifests.catalog import BLOCKS, BRAINS, CATALOGS, SENSORS, Catalog
from akid.manifests.parameters import classes_in, fits, type_text
from akid.manifests.problems import Problems

#: Keys of a declarative kid that hold objects; all others are arguments of `Kid`.
OBJECTS = ("sensor", "brain", "kongfu")
#: Arguments of `Kid` that are not a declarative kid's to give, and why.
NOT_DECLARED = {
    "sensor_in": "it is called sensor",
    "brain_in": "it is called brain",
    "kongfu_in": "it is called kongfu",
    "engine": "it stands in spec.engine",
    "log_dir": "it is given to the command: --log-dir",
    "progress": "a terminal shows a line that moves, anything else gets JSON lines",
}
#: ``type`` names the class, so an argument of that name is written like this.
TYPE_ARGUMENT = "type_"


@dataclass(frozen=True)
class Declared:
    """A Kid made from a manifest.

    Attributes:
        kid: what was declared.
        blocks: path in the manifest of every block that stands there, by full name.
        jokers: path in the manifest of every joker, by full name.
        in_python: whether a script or a module made it, and the manifest tells nothing of what is in it.
    """

    kid: Kid
    blocks: Mapping[str, str] = field(default_factory=dict)
    jokers: Mapping[str, str] = field(default_factory=dict)
    in_python: bool = False


def declare_kid(spec: Mapping[str, Any], path: str = "spec.kid", **arguments: Any) -> Declared:
    """A Kid from its declarative form.

    Args:
        spec: ``{"sensor": {...}, "brain": {...}, "kongfu": {...}, "max_steps": 2000, ...}``.
        path: where it stands in the manifest.
        **arguments: further arguments of `Kid`, from the command line.

    Raises:
        InvalidManifestError: with the path of every wrong field, what was expected and a near match.
    """
    making = Making()
    objects = {
        "sensor": making.sensor(spec.get("sensor"), f"{path}.sensor"),
        "brain": making.brain(spec.get("brain"), f"{path}.brain"),
        "kongfu": making.one(spec.get("kongfu"), CATALOGS["kongfu"], f"{path}.kongfu"),
    }
    rest = {key: value for key, value in spec.items() if key not in OBJECTS}
    bound = making.bind(Kid, rest, path, NOT_DECLARED)
    making.problems.check()
    kid = making.call(Kid, objects | bound | arguments, path)
    making.problems.check()
    system = kid.sensor.jokers
    jokers = {f"{system.name}/{j.name}": f"{path}.sensor.jokers[{i}]" for i, j in enumerate(system.blocks)}
    return Declared(kid, making.places_in(kid.brain), jokers)


class Making:
    """The making of one Kid: its problems, and where its blocks stand."""

    def __init__(self) -> None:
        self.problems = Problems()
        self._places: list[tuple[Block, str]] = []

    def places_in(self, brain: Brain) -> dict[str, str]:
        """Path of every declared block, by full name."""
        places = {id(block): path for block, path in self._places}
        return {name: places[id(block)] for name, block in brain.named_blocks() if id(block) in places}

    def sensor(self, spec: Any, path: str) -> Any:
        """A sensor; `Sensor` itself if there is no type."""
        return self.one({"type": "Sensor", **spec} if isinstance(spec, Mapping) else spec, SENSORS, path)

    def brain(self, spec: Any, path: str) -> Any:
        """A ready brain by its type, with further blocks if some are given; or a `Brain` of blocks."""
        if not isinstance(spec, Mapping):
            return self.one(spec, BRAINS, path)
        options = {"type": "Brain", **spec}
        blocks = options.pop("blocks", [])
        brain = self.one(options, BRAINS, path)
        if not isinstance(blocks, list):
            self.problems.add(f"{path}.blocks", f"expected a list of blocks, received {received(blocks)}.")
            return None
        complete = brain is not None
        for index, block in enumerate(blocks):
            made = self.block(block, f"{path}.blocks[{index}]")
            # The wires of a brain that lacks a block would be wrong only because of that.
            complete = complete and made is not None
            if complete:
                self._attach(brain, made, block, f"{path}.blocks[{index}]")
        return brain

    def block(self, spec: Any, path: str) -> Any:
        """A layer, or a nested brain if it has blocks."""
        if isinstance(spec, Mapping) and "blocks" in spec:
            return self.brain(spec, path)
        return self.one(spec, BLOCKS, path)

    def _attach(self, brain: Brain, made: Any, spec: Mapping[str, Any], path: str) -> None:
        taken = {SYSTEM_IN, *(b.name for b in brain.blocks)}
        before = len(brain.blocks)
        key = "name" if spec.get("name") in taken else "inputs" if "inputs" in spec else ""
        with self.problems.at(join(path, key)):
            brain.attach(made)
        self._places += [(block, path) for block in brain.blocks[before:]]

    def one(self, spec: Any, catalog: Catalog, path: str) -> Any:
        """An object from ``{"type": name, **arguments}``; None, and a problem, if that cannot be."""
        if not isinstance(spec, Mapping) or "type" not in spec:
            self.problems.add(path, f"expected {{type: a {catalog.kind}, ...}}, received {received(spec)}.")
            return None
        name = spec["type"]
        make = catalog.types.get(name) if isinstance(name, str) else None
        if make is None:
            hint = near_match(str(name), catalog.types)
            self.problems.add(f"{path}.type", f"there is no {catalog.kind} called {name!r}.", hint)
            return None
        for parameter in parameters_of(make).values():
            if parameter.default is parameter.empty and not self._can_hold(parameter.annotation):
                problem = f"{name} takes a Python object, {parameter.name}; make it in a script or a module."
                self.problems.add(f"{path}.type", problem)
                return None
        before = len(self.problems.found)
        arguments = self.bind(make, {k: v for k, v in spec.items() if k != "type"}, path)
        return self.call(make, arguments, path) if len(self.problems.found) == before else None

    def call(self, make: Callable[..., Any], arguments: Mapping[str, Any], path: str) -> Any:
        """What the constructor gives; None, and a problem, if it refuses the arguments."""
        with self.problems.at(path, parameters_of(make)):
            return make(**arguments)
        return None

    def bind(
        self,
        make: Callable[..., Any],
        given: Mapping[str, Any],
        path: str,
        hidden: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Check arguments against a signature; objects among them are made, hidden ones are refused."""
        hidden = hidden or {}
        parameters = {n: p for n, p in parameters_of(make).items() if n not in hidden}
        if "type" in parameters:
            parameters[TYPE_ARGUMENT] = parameters.pop("type")
        bound: dict[str, Any] = {}
        for name, value in given.items():
            if name in parameters:
                argument = "type" if name == TYPE_ARGUMENT else name
                bound[argument] = self.value(value, parameters[name].annotation, f"{path}.{name}")
            else:
                self._refuse(make, name, path, parameters, hidden)
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and name not in given:
                self.problems.add(f"{path}.{name}", f"{make.__name__} needs this argument.")
        return bound

    def _refuse(
        self, make: Callable[..., Any], name: str, path: str, known: Collection[str], hidden: Mapping[str, str]
    ) -> None:
        if name in hidden:
            self.problems.add(f"{path}.{name}", f"this argument is not given here: {hidden[name]}.")
        else:
            hint = near_match(str(name), known)
            self.problems.add(f"{path}.{name}", f"{make.__name__} has no argument {name!r}.", hint)

    def value(self, value: Any, annotation: Any, path: str) -> Any:
        """The value of an argument: what is annotated as an object is made, all else is checked."""
        catalog = _catalog_of(annotation)
        if catalog is not None and isinstance(value, list):
            return [self.one(v, catalog, f"{path}[{i}]") for i, v in enumerate(value)]
        if catalog is not None and value is not None:
            return self.one(value, catalog, path)
        if not fits(value, annotation):
            expected = type_text(annotation) or "a Python object, which a manifest cannot hold"
            self.problems.add(path, f"expected {expected}, received {received(value)}.")
        elif value is not None:
            self._check_choice(value, annotation, path)
        return value

    def _check_choice(self, value: Any, annotation: Any, path: str) -> None:
        """What is chosen by name, ``{"name": ..., **arguments}``, is checked against what the name stands for."""
        kind = next((c for c in classes_in(annotation) if hasattr(c, "of")), None)
        if kind is None:
            return
        options = dict(value) if isinstance(value, Mapping) else {}
        name = options.pop("name", None)
        chosen = getattr(kind, "names", {}).get(name) if isinstance(name, str) else None
        before = len(self.problems.found)
        if chosen is not None:
            self.bind(chosen, options, path)
        if len(self.problems.found) == before:
            with self.problems.at(path, ("name", *parameters_of(chosen or kind))):
                kind.of(value)

    def _can_hold(self, annotation: Any) -> bool:
        return type_text(annotation) not in ("", "null") or _catalog_of(annotation) is not None


def _catalog_of(annotation: Any) -> Catalog | None:
    """The catalog of the objects a parameter takes, if it takes objects."""
    for kind in classes_in(annotation):
        for catalog in CATALOGS.values():
            if catalog.base is not None and issubclass(kind, catalog.base):
                return catalog
    return None
