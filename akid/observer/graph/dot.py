"""A computation graph in the language of graphviz, and drawn by its program ``dot``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable

from akid.errors import AkidError
from akid.observer.graph.structure import Node, Structure

#: Fill and border of a box by its kind; the colour and the style of a wire by its.
BOXES = {
    "block": ("#e8eef7", "#4878a8"),
    "loss": ("#fbe3e0", "#c0504d"),
    "signal": ("#ffffff", "#808080"),
    "sensor": ("#eaf4e4", "#6a9a4a"),
    "kongfu": ("#fdf1d8", "#c09030"),
}
WIRES = {
    "data": ("#404040", "solid"),
    "label": ("#6a9a4a", "dashed"),
    "feedback": ("#c0504d", "dashed"),
    "loss": ("#c09030", "solid"),
}
#: A picture that takes longer is too large to be read.
_SECONDS = 60


def dot_of(structure: Structure) -> str:
    """The graph as DOT: blocks are boxes, nested brains are clusters."""
    lines = [
        "digraph akid {",
        '  graph [rankdir=TB, nodesep=0.25, ranksep=0.3, fontname="Helvetica", fontsize=11];',
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=10, margin="0.12,0.05"];',
        "  edge [arrowsize=0.6];",
        *_cluster(structure.nodes.values(), (), "  "),
    ]
    for wire in structure.wires:
        colour, style = WIRES[wire.kind]
        loose = ", constraint=false" if wire.kind == "feedback" else ""
        ends = f"{_quoted(wire.source)} -> {_quoted(wire.target)}"
        lines.append(f'  {ends} [color="{colour}", style={style}{loose}];')
    return "\n".join([*lines, "}", ""])


def _cluster(nodes: Iterable[Node], path: tuple[str, ...], indent: str) -> list[str]:
    """The nodes in a cluster, and the clusters in it."""
    nodes, depth = list(nodes), len(path)
    lines = []
    done: set[str] = set()
    for node in nodes:
        if len(node.path) == depth:
            lines.append(f"{indent}{_box(node)}")
        elif node.path[depth] not in done:
            name = node.path[depth]
            done.add(name)
            inside = [n for n in nodes if len(n.path) > depth and n.path[depth] == name]
            lines.append(f"{indent}subgraph {_quoted('cluster ' + '/'.join((*path, name)))} {{")
            lines.append(f'{indent}  label={_quoted(name)}; style=rounded; color="#a0a0a0"; labeljust=l;')
            lines += _cluster(inside, (*path, name), indent + "  ")
            lines.append(f"{indent}}}")
    return lines


def _box(node: Node) -> str:
    fill, border = BOXES[node.kind]
    shape = ", shape=ellipse" if node.kind == "signal" else ""
    return f'{_quoted(node.name)} [label={_quoted(*node.lines)}, fillcolor="{fill}", color="{border}"{shape}];'


def _quoted(*lines: str) -> str:
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'


def graphviz() -> str | None:
    """The program ``dot``; None if it is not installed."""
    return shutil.which("dot")


def drawn_by(program: str, text: str, suffix: str) -> bytes:
    """A graph as ``png`` or ``svg``.

    Raises:
        AkidError: the program failed, with what it said.
    """
    command = [program, f"-T{suffix}", "-Gdpi=96"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AkidError(f"{program} cannot draw the graph: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise AkidError(f"{program} cannot draw the graph; it ended with {done.returncode}: {said}")
    return done.stdout
