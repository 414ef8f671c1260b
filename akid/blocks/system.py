"""Systems: blocks that are made of blocks; in a row here, wired by name in `akid.blocks.graph`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

from akid.backend import tf
from akid.blocks.block import Block, Signal
from akid.blocks.trip import Trip
from akid.blocks.wiring import SYSTEM_IN
from akid.errors import BlockError, WiringError, blame, near_match


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
        # What `attach` asks of them, so that it need not look at each.
        self._members: set[Block] = set()
        self._names: set[str] = {SYSTEM_IN}
        self._kinds: Counter[str] = Counter()

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
            self._members.add(block)
            self._names.add(block.name)
            self._kinds[_kind(block)] += 1
        return self

    def _name_block(self, block: Block) -> None:
        if block in self._members:
            raise WiringError(
                f"{self.name!r}: {block.name!r} is attached already; a block stands in one place of a system."
            )
        if not block.named:
            number = 1 + self._kinds[_kind(block)]
            while f"{block.stem}{number}" in self._names:
                number += 1
            block.rename(f"{block.stem}{number}")
        elif block.name in self._names:
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


def _kind(block: Block) -> str:
    return f"{type(block).__module__}.{type(block).__qualname__}"


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
