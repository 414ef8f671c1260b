"""What a manifest may name: the public classes of akid, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from akid import jokers, kongfus, layers, sensors, sources
from akid.blocks.block import ProcessingLayer
from akid.blocks.brain import Brain
from akid.jokers import Joker
from akid.kongfus import KongFu
from akid.layers.sugar import cnn_block
from akid.models import brains
from akid.sensors import Sensor
from akid.sources import Source


@dataclass(frozen=True)
class Catalog:
    """The types of one kind.

    Attributes:
        kind: in words.
        types: what makes them, by name.
        base: parameters annotated with this class take objects of the kind.
    """

    kind: str
    types: Mapping[str, Callable[..., Any]]
    base: type | None = None


#: Public classes that only stand above others: they cannot do anything by themselves.
ABSTRACT = ("EvalLayer", "InMemorySource", "LossLayer", "ReadingSource", "SynapseLayer")


def _public(module: ModuleType, base: type) -> dict[str, Callable[..., Any]]:
    """The classes a module exports that are of a kind, the abstract ones left out."""
    names: list[str] = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    found = {name: getattr(module, name) for name in names}
    kinds = {n: v for n, v in found.items() if isinstance(v, type) and issubclass(v, base)}
    return {n: v for n, v in kinds.items() if v is not base and n not in ABSTRACT}


SENSORS = Catalog("sensor", {"Sensor": Sensor, **_public(sensors, Sensor)}, Sensor)
BRAINS = Catalog("brain", {"Brain": Brain, **_public(brains, Brain)})
BLOCKS = Catalog("block", {**_public(layers, ProcessingLayer), **BRAINS.types, "cnn_block": cnn_block})
CATALOGS = {
    "sensor": SENSORS,
    "source": Catalog("source", _public(sources, Source), Source),
    "joker": Catalog("joker", _public(jokers, Joker), Joker),
    "kongfu": Catalog("kongfu", _public(kongfus, KongFu), KongFu),
}
