"""Random graphs of blocks wired by ``inputs`` agree with a small numpy interpreter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.blocks.wiring import SYSTEM_IN
from akid.layers import ConcatLayer, MergeLayer, ReLULayer, ScatterLayer

BATCH = 3


class Scale(ProcessingLayer):
    """A constant times the signal; notes the mean as a loss."""

    stem = "scale"

    def __init__(self, factor: float, name: str | None = None, inputs: Any = None) -> None:
        super().__init__(name, inputs)
        self.factor = factor

    def _forward(self, x: Any, trip: Trip) -> Any:
        out = x * self.factor
        trip.loss(tf.reduce_mean(out))
        return out


@dataclass
class Wire:
    """An edge: outputs of a block; a feedback one may state its width."""

    source: str
    idxs: list[int] | None
    width: int | None = None

    def entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": self.source}
        if self.idxs is not None:
            entry["idxs"] = self.idxs
        if self.width is not None:
            entry["shape"] = [self.width]
        return entry


@dataclass
class Node:
    """A block: its kind, what the kind needs, its wires (None: as by default), and the widths it gives."""

    name: str
    kind: str
    what: Any
    wires: list[Wire] | None
    gives: list[int]


@dataclass
class Program:
    """Nodes in the order they are attached."""

    nodes: list[Node]
    time_steps: int

    def brain(self, name: str | None = None, inputs: Any = None) -> Brain:
        brain = Brain(name, inputs, time_steps=self.time_steps)
        for node in self.nodes:
            wired = None if node.wires is None else [wire.entry() for wire in node.wires]
            if node.kind == "brain":
                brain.attach(node.what.brain(node.name, wired))
                continue
            kinds = {
                "scale": lambda what, **o: Scale(what, **o),
                "relu": lambda _, **o: ReLULayer(**o),
                "scatter": lambda what, **o: ScatterLayer(what, **o),
                "merge": lambda _, **o: MergeLayer(**o),
                "concat": lambda _, **o: ConcatLayer(**o),
            }
            brain.attach(kinds[node.kind](node.what, name=node.name, inputs=wired))
        return brain

    def run(self, system_in: list[np.ndarray], prefix: str, losses: dict[str, float]) -> list[np.ndarray]:
        """The interpreter: what the last node gives at the last time step."""
        before: dict[str, list[np.ndarray]] = {}
        for _ in range(self.time_steps):
            now = {SYSTEM_IN: system_in}
            for index, node in enumerate(self.nodes):
                first = Wire(self.nodes[index - 1].name, None) if index else Wire(SYSTEM_IN, [0])
                args: list[np.ndarray] = []
                for wire in [first] if node.wires is None else node.wires:
                    values = now.get(wire.source) or before.get(wire.source)
                    if values is None:
                        values = [np.zeros((BATCH, w)) for w in self.widths(wire.source)]
                    args += values if wire.idxs is None else [values[i] for i in wire.idxs]
                now[node.name] = self.apply(node, args, prefix, losses)
            before = now
        return before[self.nodes[-1].name]

    def widths(self, name: str) -> list[int]:
        return next(node.gives for node in self.nodes if node.name == name)

    @staticmethod
    def apply(node: Node, args: list[np.ndarray], prefix: str, losses: dict[str, float]) -> list[np.ndarray]:
        name = prefix + node.name
        if node.kind == "brain":
            return node.what.run(args, f"{name}/", losses)
        if node.kind == "scale":
            losses[name] = float(np.mean(args[0] * node.what))
            return [args[0] * node.what]
        if node.kind == "scatter":
            cut = node.what[0]
            return [args[0][:, :cut], args[0][:, cut : cut + node.what[1]]]
        if node.kind == "merge":
            return [np.sum(args, 0)]
        return [np.concatenate(args, -1) if node.kind == "concat" else np.maximum(args[0], 0)]


@st.composite
def programs(draw: Any, system_in: tuple[int, ...] = (4, 2), depth: int = 2) -> Program:
    """A program whose input has these widths."""
    known: dict[str, list[int]] = {SYSTEM_IN: list(system_in)}
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 5))):
        name = f"n{number}"
        default = [system_in[0]] if not nodes else nodes[-1].gives
        by_default = draw(st.booleans())
        wires, widths = (None, list(default)) if by_default else draw(wired(known))
        node = draw(nodes_of(name, wires, widths, depth, system_in[0]))
        nodes.append(node)
        known[name] = node.gives
    time_steps = draw(st.integers(1, 3))
    if time_steps > 1:
        for place, node in enumerate(nodes):
            later = [(n.name, i, w) for n in nodes[place:] for i, w in enumerate(n.gives) if w == node.gives[0]]
            if node.kind == "merge" and node.wires and later:
                source, i, width = draw(st.sampled_from(later))
                stated = width if draw(st.booleans()) else None
                node.wires.append(Wire(source, [i], stated))
    return Program(nodes, time_steps)


@st.composite
def wired(draw: Any, known: dict[str, list[int]]) -> tuple[list[Wire], list[int]]:
    """Wires to outputs that exist, and their widths."""
    wires, widths = [], []
    for _ in range(draw(st.integers(1, 3))):
        source = draw(st.sampled_from(sorted(known)))
        outputs = known[source]
        idxs = draw(st.none() | st.lists(st.integers(0, len(outputs) - 1), min_size=1, max_size=2))
        wires.append(Wire(source, idxs))
        widths += outputs if idxs is None else [outputs[i] for i in idxs]
    return wires, widths


@st.composite
def nodes_of(draw: Any, name: str, wires: list[Wire] | None, widths: list[int], depth: int, first: int) -> Node:
    """A node that can take signals of these widths."""
    kinds = ["concat"] if sum(widths) <= 12 else []
    if len(set(widths)) == 1:
        kinds += ["merge"] * 2
    if len(widths) == 1:
        kinds += ["scale", "relu"] + (["scatter"] if widths[0] > 1 else [])
    if depth > 0:
        kinds.append("brain")
    if not kinds:
        # Nothing fits all of them: take the first one of the input only.
        return Node(name, "relu", None, [Wire(SYSTEM_IN, [0])], [first])
    kind = draw(st.sampled_from(kinds))
    if kind == "brain":
        inner = draw(programs(tuple(widths), depth - 1))
        return Node(name, kind, inner, wires, inner.nodes[-1].gives)
    if kind == "scatter":
        cut = draw(st.integers(1, widths[0] - 1))
        rest = draw(st.integers(1, widths[0] - cut))
        return Node(name, kind, [cut, rest], wires, [cut, rest])
    if kind == "scale":
        return Node(name, kind, draw(st.sampled_from([-1.0, 0.5, 0.75])), wires, widths)
    return Node(name, kind, None, wires, [sum(widths)] if kind == "concat" else [widths[0]])


def signal() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(BATCH, w)).astype(np.float32) for w in (4, 2)]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs())
def test_a_graph_gives_what_the_interpreter_gives(program: Program) -> None:
    losses: dict[str, float] = {}
    expected = program.run(signal(), "", losses)
    trip = Trip(training=True)
    out = program.brain()(signal(), trip)
    for value, other in zip(out if isinstance(out, list) else [out], expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-4)
    assert trip.losses.keys() == losses.keys()
    for name, loss in losses.items():
        np.testing.assert_allclose(trip.losses[name], loss, rtol=1e-3, atol=1e-4)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs())
def test_a_graph_traced_for_an_unknown_batch_gives_the_same(program: Program) -> None:
    brain = program.brain()
    specs = [tf.TensorSpec([None, w]) for w in (4, 2)]
    traced = tf.function(lambda *x: brain(list(x)), specs, autograph=False)
    out, expected = traced(*signal()), program.run(signal(), "", {})
    for value, other in zip(out if isinstance(out, list) else [out], expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-4)
