"""Systems: blocks that are made of blocks, and how a signal runs through them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

from akid.backend import tf
from akid.blocks import Block, Signal
from akid.errors import BlockError, WiringError, blame, near_match
from akid.trips import Trip
from akid.wiring import SYSTEM_IN, Edge, check_known, edges_of, pick


class System(Block):
    """Blocks put together. Subclasses say how a signal runs through them.

    Args:
        name: see `Block`.
        dtype: see `Block`.
    """

    stem = "system"
    #: What may be attached.
    accepts: ClassVar[type[Block]] = Block

    def __init__(self, name: str | None = None, *, dtype: str = "float32") -> None:
        super().__init__(name, dtype=dtype)
        self.blocks: list[Block] = []

    def attach(self, *blocks: Any) -> Self:
        """Add blocks, in order. Lists and tuples are flattened, so that sugar may return a list.

        Raises:
            BlockError: not a block of the right kind, or the system has run already.
            WiringError: the name is taken, or an input is not known.
        """
        for block in _flat(blocks):
            if not isinstance(block, self.accepts):
                raise BlockError(
                    f"{type(self).__name__} {self.name!r} is made of {self.accepts.__name__}s."
                    f" Received: {block!r} of type {type(block).__name__}"
                )
            if self.built:
                raise BlockError(f"{self.name!r} has run already; attach {block.name!r} before its set-up.")
            self._name_block(block)
            self._check_wiring(block)
            self.blocks.append(block)
        return self

    def _name_block(self, block: Block) -> None:
        if any(b is block for b in self.blocks):
            raise WiringError(
                f"{self.name!r}: {block.name!r} is attached already; a block stands in one place of a system."
            )
        taken = {b.name for b in self.blocks} | {SYSTEM_IN}
        if not block.named:
            number = 1 + sum(type(b) is type(block) for b in self.blocks)
            while f"{block.stem}{number}" in taken:
                number += 1
            block.rename(f"{block.stem}{number}")
        elif block.name in taken:
            why = "is reserved" if block.name == SYSTEM_IN else "is attached already"
            raise WiringError(
                f"{self.name!r}: a block called {block.name!r} {why}; names must be unique in a system."
            )

    def _check_wiring(self, block: Block) -> None:
        """What can be said about a block's inputs when it is attached."""

    def block(self, name: str) -> Block:
        """The block with this name, or full name (``branch/conv1``).

        Raises:
            KeyError: there is none; with a near match.
        """
        blocks = dict(self.named_blocks())
        if name not in blocks:
            raise KeyError(f"{self.name!r} has no block {name!r}. {near_match(name, blocks)}")
        return blocks[name]

    def named_blocks(self, prefix: str = "") -> Iterator[tuple[str, Block]]:
        """``(full name, block)`` of every block, nested ones after their system."""
        for block in self.blocks:
            yield prefix + block.name, block
            if isinstance(block, System):
                yield from block.named_blocks(f"{prefix}{block.name}/")

    def named_variables(self) -> dict[str, tf.Variable]:
        """Every variable by full name, nested blocks' included."""
        found = super().named_variables()
        for block in self.blocks:
            for name, variable in block.named_variables().items():
                found[f"{block.name}/{name}"] = variable
        return found

    def constrain(self) -> None:
        """Bring every constrained variable back into its allowed set; after an update."""
        super().constrain()
        for block in self.blocks:
            block.constrain()

    def __getitem__(self, name: str) -> tf.Variable | Block:
        """A variable (``conv1/weights``) or a block (``conv1``) by full name.

        Raises:
            KeyError: there is none; with a near match.
        """
        variables = self.named_variables()
        if name in variables:
            return variables[name]
        blocks = dict(self.named_blocks())
        if name in blocks:
            return blocks[name]
        raise KeyError(
            f"{self.name!r} has no variable or block {name!r}. {near_match(name, [*variables, *blocks])}"
        )

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[Block]:
        return iter(self.blocks)

    def __bool__(self) -> bool:
        return True

    def copy(self) -> Self:
        """Another system with the same variables."""
        twin = super().copy()
        # What no signal has reached yet is shared as it is: whoever builds it builds it for both.
        twin.blocks = [block.copy() if block.built else block for block in self.blocks]
        return twin

    def _pass(self, signal: Signal, trip: Trip) -> Signal:
        # The outermost system does not appear in full names: "conv1/weights", not "brain/conv1/weights".
        if trip.rooted or len(trip._path) != 1:
            return super()._pass(signal, trip)
        root = trip._path.pop()
        trip.rooted = True
        try:
            return super()._pass(signal, trip)
        finally:
            trip.rooted = False
            trip._path.append(root)


def _flat(blocks: Iterable[Any]) -> Iterator[Any]:
    for block in blocks:
        if isinstance(block, (list, tuple)):
            yield from _flat(block)
        else:
            yield block


class SequentialSystem(System):
    """Blocks in a row: each takes what the one before gives."""

    stem = "sequential"

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        for block in self.blocks:
            with blame(trip.full_name(block.name)):
                x = block(x, trip)
        return x


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
        if type(time_steps) is not int or time_steps < 1:
            raise BlockError(f"{self.name!r}: time_steps must be an integer >= 1. Received: {time_steps!r}")
        self.time_steps = time_steps

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
                check_known(edges, block.name, [b.name for b in self.blocks], feedback=False)

    def _setup(self, x: Signal) -> None:
        if not self.blocks:
            raise WiringError(f"{self.name!r} has no blocks; attach some before its set-up.")
        names = [b.name for b in self.blocks]
        trip = self._build_trip or Trip()
        for index, name in enumerate(names):
            with blame(trip.full_name(name)):
                check_known(self.edges(index), name, names, feedback=True)

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
            edges = self.edges(index)
            # A feedback is no use of what its source gives in this step.
            sources = {edge.name for edge in edges} & now.keys()
            with blame(trip.full_name(block.name)):
                args = _first_values(_gather(edges, now, before, trip, block.name), block, system_in)
                if any(a is None for a in args):
                    now[block.name], consumes = _infer(block, args, trip)
                else:
                    now[block.name] = _as_list(block(_unlist(args), trip))
                    consumes = any(output is not None for output in now[block.name])
            used |= sources if consumes else set()
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
) -> list[Any]:
    """A block's arguments; an `Edge` where a feedback has no value yet, None where a signal is missing."""
    args: list[Any] = []
    for edge in edges:
        outputs = now.get(edge.name, before.get(edge.name))
        if outputs is None:
            args += [edge] * len(edge.idxs or (0,))
            continue
        if len(outputs) == 1 and outputs[0] is None:
            # Nothing could be inferred, so it is not known how many outputs there would be.
            args += [None] * len(edge.idxs or (0,))
            continue
        if edge.name not in now and edge.idxs is None and len(outputs) > 1:
            raise WiringError(
                f"Block {block!r}: the feedback from {edge.name!r}, which has {len(outputs)} outputs, must name"
                f" those it takes: {{'name': {edge.name!r}, 'idxs': [...]}}."
            )
        if edge.name == SYSTEM_IN and trip.inferring:
            missing = 1 + max(edge.idxs or (0,)) - len(outputs)
            outputs = outputs + [None] * missing
        args += pick(outputs, edge, block)
    return args


def _infer(block: Block, args: list[Any], trip: Trip) -> tuple[list[Any], bool]:
    """What a block gives without some of its inputs, and whether that used those it has."""
    noted = len(trip.outputs)
    with trip.inside(block.name):
        out = block.infer(args, trip)
    is_system = isinstance(block, System)
    return _as_list(out), is_system and len(trip.outputs) > noted


def _note_outputs(now: dict[str, list[Any]], used: set[str], trip: Trip) -> None:
    """What no block consumes is what a system infers."""
    for name, outputs in now.items():
        if name in used or name == SYSTEM_IN or any(o is None for o in outputs):
            continue
        for i, output in enumerate(outputs):
            trip.output(output, name if len(outputs) == 1 else f"{name}_{i}")


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
