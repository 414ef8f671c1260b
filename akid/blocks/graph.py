"""GraphSystem: blocks wired by name, with feedback over time."""

from __future__ import annotations

from typing import Any

from akid.backend import tf
from akid.blocks.block import Block, Signal
from akid.blocks.system import System
from akid.blocks.trip import Trip
from akid.blocks.wiring import SYSTEM_IN, Edge, check_known, edges_of, pick
from akid.errors import WiringError, blame


class GraphSystem(System):
    """Blocks wired by name (paper, section 3.1.1), with feedback over time (Fig. 2).

    Without ``inputs`` a block takes all outputs of the block attached before it, the first block the first
    signal of ``system_in``. With ``time_steps=T > 1`` an input may name a later block, or the block itself: the
    network is unrolled T steps, such an edge carries the value of the step before, zeros at the first;
    ``system_in`` is constant; losses, evals and state updates count at the last step.

    Args:
        name: see `Block`.
        time_steps: how many steps to unroll.
        dtype: see `Block`.
    """

    stem = "graph"

    def __init__(self, name: str | None = None, *, time_steps: int = 1, dtype: str = "float32") -> None:
        super().__init__(name, dtype=dtype)
        self.time_steps = self.check.integer("time_steps", time_steps)

    def edges(self, index: int) -> tuple[Edge, ...]:
        """Where the block at this index takes its inputs from."""
        block = self.blocks[index]
        inputs = getattr(block, "inputs", None)
        if inputs is not None:
            return edges_of(inputs, block.name)
        return (Edge(self.blocks[index - 1].name),) if index else (Edge(SYSTEM_IN, (0,)),)

    def _check_wiring(self, block: Block) -> None:
        inputs = getattr(block, "inputs", None)
        if inputs is not None:
            edges = edges_of(inputs, block.name)
            if self.time_steps == 1:
                check_known(edges, block.name, self._names, feedback=False)

    def _setup(self, x: Signal) -> None:
        if not self.blocks:
            raise WiringError(f"{self.name!r} has no blocks; attach some before its set-up.")
        names = [b.name for b in self.blocks]
        trip = self._build_trip or Trip()
        known = {SYSTEM_IN, *names}
        self._edges = [self.edges(index) for index in range(len(names))]
        for edges, name in zip(self._edges, names, strict=True):
            with blame(trip.full_name(name)):
                check_known(edges, name, known, feedback=True)

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        outputs: dict[str, list[Any]] = {}
        for time in range(self.time_steps):
            with trip.at_time(time, last=time == self.time_steps - 1):
                outputs = self._run(_as_list(x), outputs, trip)
        return _unlist(outputs[self.blocks[-1].name])

    def _run(self, system_in: list[Any], before: dict[str, list[Any]], trip: Trip) -> dict[str, list[Any]]:
        """One time step: the outputs of every block, given those of the step before."""
        now = {SYSTEM_IN: system_in}
        used: set[str] = set()
        for index, block in enumerate(self.blocks):
            with blame(trip.full_name(block.name)):
                sources, args = _gather(self._edges[index], now, before, trip, block.name)
                now[block.name], consumes = _outputs(block, _first_values(args, block, system_in), trip)
            labels = getattr(block, "label_args", ())
            # A feedback is no use of what its source gives in this step.
            used |= {s for i, s in enumerate(sources) if consumes or i in labels} & now.keys() - {block.name}
        if trip.inferring:
            # What a nested system's last block gives is for the outer one to use or to note.
            _note_outputs(now, used | ({self.blocks[-1].name} if trip.path else set()), trip)
        return now

    def infer(self, args: list[Any], trip: Trip) -> Signal | None:
        """Run what can be run without the missing signals (None) of ``args``."""
        return self._pass(args, trip)


def _gather(
    edges: tuple[Edge, ...],
    now: dict[str, list[Any]],
    before: dict[str, list[Any]],
    trip: Trip,
    block: str,
) -> tuple[list[str], list[Any]]:
    """``(names of the sources, values)`` of a block's arguments.

    A value is an `Edge` where a feedback has none yet, None where a signal is missing.
    """
    sources: list[str] = []
    args: list[Any] = []
    for edge in edges:
        values = _values(edge, now.get(edge.name, before.get(edge.name)), edge.name not in now, trip, block)
        sources += [edge.name] * len(values)
        args += values
    return sources, args


def _values(edge: Edge, outputs: list[Any] | None, feedback: bool, trip: Trip, block: str) -> list[Any]:
    """What an edge carries, given the outputs of its source; None if that has not run yet."""
    if outputs is None:
        return [edge] * len(edge.idxs or (0,))
    if len(outputs) == 1 and outputs[0] is None:
        # Nothing could be inferred, so it is not known how many outputs there would be.
        return [None] * len(edge.idxs or (0,))
    if feedback and edge.idxs is None and len(outputs) > 1:
        raise WiringError(
            f"Block {block!r}: the feedback from {edge.name!r}, which has {len(outputs)} outputs, must name"
            f" those it takes: {{'name': {edge.name!r}, 'idxs': [...]}}."
        )
    if edge.name == SYSTEM_IN and trip.inferring:
        missing = 1 + max(edge.idxs or (0,)) - len(outputs)
        outputs = outputs + [None] * missing
    return pick(outputs, edge, block)


def _outputs(block: Block, args: list[Any], trip: Trip) -> tuple[list[Any], bool]:
    """``(what a block gives, whether that used its arguments)``; some of them may be missing (None)."""
    noted, judged = len(trip.outputs), trip.judgements
    if any(arg is None for arg in args):
        with trip.inside(block.name):
            outputs = _as_list(block.infer(args, trip))
        return outputs, isinstance(block, System) and len(trip.outputs) > noted
    outputs = _as_list(block(_unlist(args), trip))
    if isinstance(block, System):
        return outputs, any(output is not None for output in outputs) or len(trip.outputs) > noted
    if trip.inferring and trip.judgements > judged and all(o is None or o.shape.rank == 0 for o in outputs):
        # It says how good its arguments are: nothing is inferred, whether labels are there or not.
        return [None], False
    return outputs, any(output is not None for output in outputs)


def _note_outputs(now: dict[str, list[Any]], used: set[str], trip: Trip) -> None:
    """What no block consumes is what a system infers; of several outputs ``name:0`` and so on."""
    for name, outputs in now.items():
        if name in used or name == SYSTEM_IN or any(o is None for o in outputs):
            continue
        for i, output in enumerate(outputs):
            trip.output(output, name if len(outputs) == 1 else f"{name}:{i}")


def _first_values(args: list[Any], block: Block, system_in: list[Any]) -> list[Any]:
    """Zeros for the feedback edges that have no value yet, in the shape they state or their co-input has."""
    if not any(isinstance(a, Edge) for a in args):
        return args
    known = next((a for a in args if not isinstance(a, Edge)), None)
    batch = tf.shape(system_in[0])[0]
    filled = []
    for arg in args:
        if not isinstance(arg, Edge):
            filled.append(arg)
        elif arg.shape is not None:
            filled.append(tf.zeros([batch, *arg.shape], block.dtype))
        elif known is not None and getattr(block, "equal_shapes", False):
            filled.append(tf.zeros_like(known))
        else:
            raise WiringError(
                f"Block {block.name!r}: the feedback from {arg.name!r} has no value at the first time step and"
                f" its shape is not known. State it: {{'name': {arg.name!r}, 'shape': [...]}} (without the batch)."
            )
    return filled


def _as_list(signal: Signal) -> list[Any]:
    return list(signal) if isinstance(signal, (list, tuple)) else [signal]


def _unlist(signals: list[Any]) -> Signal:
    return signals[0] if len(signals) == 1 else signals
