"""What a computation graph is made of: nodes in clusters, and wires, read from how blocks are wired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from akid.blocks.block import Block
from akid.blocks.graph import GraphSystem
from akid.blocks.system import System
from akid.blocks.wiring import SYSTEM_IN
from akid.layers.loss import LossLayer


@dataclass(frozen=True)
class Node:
    """A box.

    Attributes:
        name: unique; the full name of a block.
        lines: what is written in it.
        kind: ``block``, ``loss``, ``signal``, ``sensor`` (source and jokers) or ``kongfu``.
        path: the clusters it is in, the outermost first.
    """

    name: str
    lines: tuple[str, ...]
    kind: str = "block"
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wire:
    """An arrow; ``kind`` is ``data``, ``label``, ``feedback`` or ``loss``."""

    source: str
    target: str
    kind: str = "data"


@dataclass
class Structure:
    """Nodes by name, in order, and wires, each once."""

    nodes: dict[str, Node] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)

    def connect(self, wire: Wire) -> None:
        """Add a wire, unless it is there."""
        if wire not in self.wires:
            self.wires.append(wire)


#: Where an argument comes from: the name of a node, and whether it is of the time step before.
_Origin = tuple[str, bool]


def structure_of(brain: System, signals: int = 2) -> Structure:
    """The graph of a brain.

    Args:
        brain: better built, so that shapes are known, and how many outputs a block has.
        signals: how many signals it is given, ``[data, *labels]``.
    """
    structure = Structure()
    names = [f"{SYSTEM_IN}:{i}" for i in range(max(signals, 1))]
    body = Structure()
    _walk(brain, [(name, False) for name in names], "", (brain.name,), body)
    for name, title in _signals(names, body.wires):
        structure.nodes[name] = Node(name, (title,), "signal")
    structure.nodes |= body.nodes
    structure.wires = body.wires
    return structure


def structure_of_kid(kid: Any, signals: int = 2) -> Structure:
    """The graph of a Kid: its sensor, its brain, and the KongFu that its losses go to."""
    sensor = kid.sensor
    brain = structure_of(kid.brain, signals)
    found = Structure()
    path = (sensor.name,)
    parts = [sensor.source.name, *(joker.name for joker in sensor.jokers)]
    kinds = [type(sensor.source).__name__, *(type(joker).__name__ for joker in sensor.jokers)]
    row = [f"sensor:{part}" for part in parts]
    for name, part, kind in zip(row, parts, kinds, strict=True):
        found.nodes[name] = Node(name, (part,) if part == kind else (part, kind), "sensor", path)
    found.wires = [Wire(a, b) for a, b in pairwise(row)]
    inputs = [name for name, node in brain.nodes.items() if node.kind == "signal"]
    found.nodes |= brain.nodes
    for name in inputs:
        is_label = any(w.source == name and w.kind == "label" for w in brain.wires)
        found.connect(Wire(row[0] if is_label else row[-1], name, "label" if is_label else "data"))
    found.wires += brain.wires
    losses = [name for name, node in brain.nodes.items() if node.kind == "loss"]
    if losses:
        found.nodes["kongfu"] = Node("kongfu", (type(kid.kongfu).__name__,), "kongfu")
        found.wires += [Wire(name, "kongfu", "loss") for name in losses]
    return found


def _signals(names: Sequence[str], wires: Sequence[Wire]) -> Iterator[tuple[str, str]]:
    """The signals that something takes, and what they are called."""
    used = {name: {w.kind for w in wires if w.source == name} for name in names}
    roles = {name: "label" if kinds == {"label"} else "data" for name, kinds in used.items() if kinds}
    for number, (name, role) in enumerate(roles.items()):
        is_alone = list(roles.values()).count(role) == 1
        yield name, role if is_alone else f"{role} {number}"


def _walk(system: System, given: list[_Origin], prefix: str, path: tuple[str, ...], into: Structure) -> None:
    """Add the nodes and the wires of a system that is given these signals."""
    places = {block.name: index for index, block in enumerate(system.blocks)}
    for index, block in enumerate(system.blocks):
        arguments: list[_Origin] = []
        for name, idxs in _sources(system, index):
            if name == SYSTEM_IN:
                values = given
            else:
                is_feedback = places[name] >= index
                values = [(end, is_feedback) for end in _ends(system.blocks[places[name]], f"{prefix}{name}")]
            arguments += [v for i, v in enumerate(values) if idxs is None or i in idxs]
        _place(block, arguments, f"{prefix}{block.name}", path, into)


def _sources(system: System, index: int) -> list[tuple[str, tuple[int, ...] | None]]:
    if isinstance(system, GraphSystem):
        return [(edge.name, edge.idxs) for edge in system.edges(index)]
    return [(system.blocks[index - 1].name, None)] if index else [(SYSTEM_IN, None)]


def _place(block: Block, arguments: list[_Origin], name: str, path: tuple[str, ...], into: Structure) -> None:
    if isinstance(block, System):
        _walk(block, arguments, f"{name}/", (*path, block.name), into)
        return
    kind = "loss" if isinstance(block, LossLayer) else "block"
    into.nodes[name] = Node(name, _lines(block), kind, path)
    labels = getattr(block, "label_args", ())
    for i, (source, is_feedback) in enumerate(arguments):
        into.connect(Wire(source, name, "feedback" if is_feedback else "label" if i in labels else "data"))


def _ends(block: Block, name: str) -> list[str]:
    """The nodes that a block's outputs come from, one for each output."""
    if isinstance(block, System):
        last = block.blocks[-1]
        return _ends(last, f"{name}/{last.name}")
    return [name] * (len(block.output_shape) if isinstance(block.output_shape, list) else 1)


def _lines(block: Block) -> tuple[str, ...]:
    """Name, class without ``Layer``, and the shape of what it gives, without the batch."""
    shape = block.output_shape
    shapes = shape if isinstance(shape, list) else [shape]
    texts = [" x ".join("?" if d is None else str(d) for d in s[1:]) for s in shapes if s and len(s) > 1]
    return (block.name, type(block).__name__.removesuffix("Layer"), *([", ".join(texts)] if texts else []))
