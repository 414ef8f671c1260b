"""Where the nodes of a graph go, for machines without graphviz: rows by topological depth, few crossings.

The method of Sugiyama, Tagawa and Toda (1981): depth by the longest way, a stand-in in every row that a long wire
passes, rows ordered by the mean place of their neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from akid.observer.graph.structure import Structure, Wire

_SWEEPS = 8
#: The place of a stand-in, relative to that of a node's box.
_STAND_IN = 0.45


@dataclass(frozen=True)
class Placed:
    """Places, in units of a box and its margin; y grows downwards.

    Attributes:
        places: ``(x, y)`` of the middle of each node, by name.
        ways: the points each wire goes through, from its source to its target.
    """

    places: Mapping[str, tuple[float, float]]
    ways: Mapping[Wire, Sequence[tuple[float, float]]]


def placed(structure: Structure) -> Placed:
    """A place for every node, and a way for every wire; feedback goes straight back."""
    depths = depths_of(structure)
    rows: dict[int, list[str]] = defaultdict(list)
    for name, depth in depths.items():
        rows[depth].append(name)
    chains = {wire: _chain(wire, depths, rows) for wire in structure.wires if wire.kind != "feedback"}
    links = {link for chain in chains.values() for link in pairwise(chain)}
    ordered = _ordered([rows[depth] for depth in sorted(rows)], links)
    places = _spread(ordered, set(depths), links)
    ways = {wire: [places[name] for name in chain] for wire, chain in chains.items()}
    for wire in structure.wires:
        ways.setdefault(wire, [places[wire.source], places[wire.target]])
    return Placed({name: places[name] for name in depths}, ways)


def depths_of(structure: Structure) -> dict[str, int]:
    """How many wires the longest way to each node has; feedback does not count."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for wire in structure.wires:
        if wire.kind != "feedback":
            before[wire.target].append(wire.source)
            after[wire.source].append(wire.target)
    depths: dict[str, int] = {}
    missing = {name: len(before[name]) for name in structure.nodes}
    ready = [name for name, count in missing.items() if not count]
    while ready:
        name = ready.pop(0)
        depths[name] = max((depths[source] + 1 for source in before[name]), default=0)
        for target in after[name]:
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    # What nothing leads to stands right above what it leads to: a label of a brain alone beside its loss.
    for name in structure.nodes:
        if not before[name] and after[name]:
            depths[name] = max(min(depths[target] for target in after[name]) - 1, 0)
    return {name: depths[name] for name in structure.nodes}


def _chain(wire: Wire, depths: Mapping[str, int], rows: Mapping[int, list[str]]) -> list[str]:
    """The names a wire goes through, with a stand-in in every row between its ends."""
    chain = [wire.source]
    for depth in range(depths[wire.source] + 1, depths[wire.target]):
        chain.append(f"{wire.source} -> {wire.target} ({wire.kind}) at {depth}")
        rows[depth].append(chain[-1])
    return [*chain, wire.target]


def _ordered(rows: Sequence[Sequence[str]], links: set[tuple[str, str]]) -> list[list[str]]:
    """Each row in the order of the mean place of its neighbours, up and down until it has settled."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for source, target in sorted(links):
        neighbours[source].append(target)
        neighbours[target].append(source)
    result = [list(row) for row in rows]
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        order = range(len(result)) if downwards else reversed(range(len(result)))
        for i in order:
            beside = i - 1 if downwards else i + 1
            if not 0 <= beside < len(result):
                continue
            at = {name: x - len(result[beside]) / 2 for x, name in enumerate(result[beside])}
            now = {name: x - len(result[i]) / 2 for x, name in enumerate(result[i])}
            result[i].sort(
                key=lambda name, at=at, now=now: _mean([at[n] for n in neighbours[name] if n in at], now[name])
            )
    return result


def _spread(
    rows: Sequence[Sequence[str]], nodes: set[str], links: set[tuple[str, str]]
) -> dict[str, tuple[float, float]]:
    """Places of the names in their rows: as near to the mean of their neighbours as their widths allow."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for source, target in sorted(links):
        neighbours[source].append(target)
        neighbours[target].append(source)
    half = {name: 0.5 if name in nodes else _STAND_IN / 2 for row in rows for name in row}
    x = {name: place for row in rows for name, place in zip(row, _packed(row, half), strict=True)}
    for _ in range(_SWEEPS):
        for row in rows:
            wanted = [_mean([x[n] for n in neighbours[name]], x[name]) for name in row]
            x |= dict(zip(row, _apart(row, wanted, half), strict=True))
    return {name: (x[name], float(y)) for y, row in enumerate(rows) for name in row}


def _packed(row: Sequence[str], half: Mapping[str, float]) -> list[float]:
    """Side by side, the middle of the row at zero."""
    edge, places = -sum(half[name] for name in row), []
    for name in row:
        places.append(edge + half[name])
        edge += 2 * half[name]
    return places


def _apart(row: Sequence[str], wanted: Sequence[float], half: Mapping[str, float]) -> list[float]:
    """Near to where they want to be, in order, without touching: the mean of pushing right and pushing left."""
    right, left = list(wanted), list(wanted)
    for i in range(1, len(row)):
        right[i] = max(right[i], right[i - 1] + half[row[i - 1]] + half[row[i]])
    for i in reversed(range(len(row) - 1)):
        left[i] = min(left[i], left[i + 1] - half[row[i]] - half[row[i + 1]])
    return [(a + b) / 2 for a, b in zip(left, right, strict=True)]


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
