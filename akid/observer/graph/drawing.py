"""The computation graph as files: by graphviz where it is, else by matplotlib."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from akid.observer.canvas import Picture, new_figure, saved, write_picture
from akid.observer.graph.dot import BOXES, WIRES, dot_of, drawn_by, graphviz
from akid.observer.graph.placing import Placed, placed
from akid.observer.graph.structure import Node, Structure, Wire

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAME = "graph"
#: Inches of a unit of a place, and the size of a box in units.
_WIDTH, _HEIGHT = 1.5, 0.72
_BOX_WIDTH, _BOX_HEIGHT = 0.84, 0.62


def graph_picture(structure: Structure, directory: Path, program: str | None = None) -> Picture:
    """Draw a graph: ``graph.png``, ``graph.svg`` and ``graph.dot``.

    Args:
        structure: what is drawn.
        directory: where to.
        program: graphviz's ``dot``; the one on the path if left out, and if there is none, or it is empty,
            matplotlib draws.

    Raises:
        AkidError: graphviz failed, or neither is installed.
    """
    text = dot_of(structure)
    program = graphviz() if program is None else program
    source = directory / f"{_NAME}.dot"
    if program:
        paths = [directory / f"{_NAME}.{suffix}" for suffix in ("png", "svg")]
        for path in paths:
            write_picture(path, drawn_by(program, text, path.suffix[1:]))
        picture = Picture(_NAME, (*paths, source))
    else:
        drawn = _drawn(structure, directory)
        picture = Picture(_NAME, (*drawn.paths, source), drawn.figure)
    write_picture(source, text.encode())
    return picture


def _drawn(structure: Structure, directory: Path) -> Picture:
    where = placed(structure)
    points = [*where.places.values(), *(point for way in where.ways.values() for point in way)]
    low, high = (min(x for x, _ in points), max(x for x, _ in points))
    depth = max(y for _, y in points)
    figure = new_figure(max((high - low + 1.4) * _WIDTH, 3), (depth + 1.4) * _HEIGHT)
    axes = figure.add_subplot()
    axes.set_xlim(low - 0.7, high + 0.7)
    axes.set_ylim(depth + 0.7, -0.7)
    axes.set_axis_off()
    _draw_clusters(axes, structure.nodes.values(), where)
    for wire in structure.wires:
        _draw_wire(axes, wire, where.ways[wire])
    for node in structure.nodes.values():
        _draw_box(axes, node, where.places[node.name])
    return saved(figure, directory, _NAME, "svg")


def _draw_box(axes: Axes, node: Node, place: tuple[float, float]) -> None:
    from matplotlib.patches import FancyBboxPatch

    fill, border = BOXES[node.kind]
    x, y = place
    width, height = _BOX_WIDTH, _BOX_HEIGHT
    corner = (x - width / 2, y - height / 2)
    style = f"round,pad=0,rounding_size={0.3 if node.kind == 'signal' else 0.08}"
    axes.add_patch(FancyBboxPatch(corner, width, height, style, facecolor=fill, edgecolor=border, zorder=3))
    axes.text(x, y, "\n".join(node.lines), ha="center", va="center", fontsize=7, linespacing=1.1, zorder=4)


def _draw_wire(axes: Axes, wire: Wire, way: Sequence[tuple[float, float]]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    colour, line = WIRES[wire.kind]
    style = {"arrowstyle": "-|>", "mutation_scale": 7, "color": colour, "linestyle": line, "linewidth": 0.9}
    (x, y), (u, v) = way[0], way[-1]
    half = _BOX_HEIGHT / 2
    if wire.kind == "feedback":
        side = _BOX_WIDTH / 2
        curved = "arc3,rad=0.7" if wire.source != wire.target else "arc3,rad=1.6"
        ends = {"posA": (x + side, y - half / 2), "posB": (u + side, v + half / 2)}
        axes.add_patch(FancyArrowPatch(**ends, connectionstyle=curved, zorder=5, **style))
        return
    points = [(x, y + half), *way[1:-1], (u, v - half)]
    vertices, codes = [points[0]], [Curve.MOVETO]
    for (a, b), (c, d) in pairwise(points):
        middle = (b + d) / 2
        vertices += [(a, middle), (c, middle), (c, d)]
        codes += [Curve.CURVE4] * 3
    axes.add_patch(FancyArrowPatch(path=Curve(vertices, codes), zorder=2, **style))


def _draw_clusters(axes: Axes, nodes: Iterable[Node], where: Placed) -> None:
    """A frame around the nodes of each nested brain, the outer ones wider."""
    from matplotlib.patches import FancyBboxPatch

    members: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    for node in nodes:
        for depth in range(1, len(node.path) + 1):
            members[node.path[:depth]].append(where.places[node.name])
    deepest = max((len(path) for path in members), default=0)
    for path, places in members.items():
        margin = 0.05 * (deepest - len(path) + 1)
        left, right = min(x for x, _ in places) - 0.44 - margin, max(x for x, _ in places) + 0.44 + margin
        # Its name stands above the boxes.
        top, bottom = min(y for _, y in places) - 0.42 - 2 * margin, max(y for _, y in places) + 0.36 + margin
        style = "round,pad=0,rounding_size=0.08"
        frame = FancyBboxPatch(
            (left, top), right - left, bottom - top, style, fill=False, edgecolor="#a0a0a0", lw=0.8
        )
        axes.add_patch(frame)
        axes.text(left + 0.04, top + 0.02, path[-1], ha="left", va="top", fontsize=6, color="#606060")
