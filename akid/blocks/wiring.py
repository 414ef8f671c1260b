"""Wiring: which outputs of which blocks a block takes. Pure functions of names; no tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from akid.checks import Check
from akid.errors import WiringError, near_match

#: The name of what a system is given.
SYSTEM_IN = "system_in"


@dataclass(frozen=True)
class Edge:
    """One source of a block's input.

    Attributes:
        name: of the block it comes from, or ``system_in``.
        idxs: which of its outputs; None for all.
        shape: of the signal without the batch, for a feedback edge that states it.
    """

    name: str
    idxs: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None


def edges_of(inputs: Sequence[Mapping[str, Any] | str], block: str) -> tuple[Edge, ...]:
    """Parse the ``inputs`` argument of a block.

    Raises:
        WiringError: an entry is neither a name nor ``{"name": ..., "idxs": [...]}``.
    """
    return tuple(_edge(_plain(entry), f"{block}: inputs[{i}]") for i, entry in enumerate(inputs))


def checked_inputs(
    inputs: Sequence[Mapping[str, Any] | str] | None, block: str
) -> tuple[Mapping[str, Any] | str, ...] | None:
    """The ``inputs`` argument of a block, if it is one.

    Raises:
        WiringError: it is no list, or an entry of it is wrong, see `edges_of`.
    """
    if inputs is None:
        return None
    if isinstance(inputs, str) or not isinstance(inputs, Sequence):
        raise Check(block, WiringError).wrong(
            "inputs", "a list of names or of {'name': ..., 'idxs': [...]}", inputs
        )
    edges_of(inputs, block)
    return tuple(inputs)


def _plain(value: Any) -> Any:
    """Without the wrappers that TensorFlow puts around the lists and dicts of a block's attributes."""
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _edge(entry: Mapping[str, Any] | str, where: str) -> Edge:
    if isinstance(entry, str):
        return Edge(entry)
    expected = 'expected a block\'s name or {"name": ..., "idxs": [...]}'
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise WiringError(f"{where}: {expected}. Received: {entry!r}", argument="inputs")
    unknown = sorted(set(entry) - {"name", "idxs", "shape"})
    if unknown:
        hint = near_match(unknown[0], ["name", "idxs", "shape"])
        raise WiringError(f"{where}: unknown key {unknown[0]!r}. {hint} Received: {entry!r}", argument="inputs")
    idxs, shape = entry.get("idxs"), entry.get("shape")
    if isinstance(idxs, int):
        idxs = [idxs]
    for key, numbers in (("idxs", idxs), ("shape", shape)):
        whole = isinstance(numbers, (list, tuple)) and all(type(i) is int for i in numbers)
        if numbers is not None and not whole:
            problem = f"{where}: {key} must be a list of integers. Received: {key}={numbers!r}"
            raise WiringError(problem, argument="inputs")
    return Edge(
        str(entry["name"]),
        None if idxs is None else tuple(idxs),
        None if shape is None else tuple(shape),
    )


def check_known(edges: Iterable[Edge], block: str, known: Set[str], feedback: bool) -> None:
    """Every edge comes from a block that is known.

    Args:
        known: their names, and ``system_in``.
        feedback: whether the system unrolls time, so that later blocks are allowed too.

    Raises:
        WiringError: with a near match, and a word on feedback where it is not on.
    """
    for edge in edges:
        if edge.name in known:
            continue
        hint = near_match(edge.name, known)
        later = (
            ""
            if feedback
            else " An input from a block attached later, or from itself, is feedback: it needs a"
            " system with time_steps=T > 1."
        )
        raise WiringError(
            f"Block {block!r} takes its input from {edge.name!r}, which is not attached before it. {hint}{later}"
        )


def pick(outputs: Sequence[Any], edge: Edge, block: str) -> list[Any]:
    """The outputs an edge names.

    Raises:
        WiringError: an index is out of range.
    """
    if edge.idxs is None:
        return list(outputs)
    for i in edge.idxs:
        if not 0 <= i < len(outputs):
            raise WiringError(
                f"Block {block!r}: index out of range in {{'name': {edge.name!r}, 'idxs':"
                f" {list(edge.idxs)}}}: {edge.name!r} has {len(outputs)} output(s), expected indices"
                f" 0 to {len(outputs) - 1}. Received: {i}"
            )
    return [outputs[i] for i in edge.idxs]
