"""The computation graph: nodes, wires and clusters, as text, and where boxes go without graphviz."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from observer.kids_to_observe import digits_kid

from akid import Brain, Observer
from akid.blocks import SequentialSystem
from akid.errors import AkidError
from akid.layers import (
    ConcatLayer,
    ConvolutionLayer,
    InnerProductLayer,
    MergeLayer,
    ReLULayer,
    ScatterLayer,
    SoftmaxWithLossLayer,
)
from akid.observer.graph.dot import dot_of, graphviz
from akid.observer.graph.placing import depths_of, placed
from akid.observer.graph.structure import Wire, structure_of, structure_of_kid

LABEL = {"name": "system_in", "idxs": [1]}


def wires(structure, kind="data"):
    return [(w.source, w.target) for w in structure.wires if w.kind == kind]


def row(*names):
    return list(itertools.pairwise(names))


def feedback_brain():
    return Brain("net", time_steps=2).attach(
        ConvolutionLayer(3, name="conv1"),
        MergeLayer(inputs=["conv1", "back"], name="merge"),
        ConvolutionLayer(3, name="back"),
        InnerProductLayer(3, inputs=["merge"], name="ip"),
        SoftmaxWithLossLayer(3, inputs=["ip", LABEL], name="loss"),
    )


def two_towers():
    """A brain in a brain that is given two signals, and a block with two outputs."""
    inner = Brain("inner", inputs=["split", {"name": "relu"}]).attach(
        ReLULayer(inputs=[{"name": "system_in", "idxs": [1]}], name="second"),
        ConcatLayer(inputs=["second", {"name": "system_in", "idxs": [2]}], name="concat"),
    )
    return Brain("outer").attach(
        ReLULayer(name="relu"),
        ScatterLayer([2, 2], name="split"),
        inner,
        InnerProductLayer(2, name="ip"),
    )


def test_a_row_of_blocks_with_its_label():
    structure = structure_of(
        Brain("net").attach(
            InnerProductLayer(4, name="ip1"),
            ReLULayer(name="relu1"),
            SoftmaxWithLossLayer(4, inputs=["relu1", LABEL], name="loss"),
        )
    )
    assert wires(structure) == row("system_in:0", "ip1", "relu1", "loss")
    assert wires(structure, "label") == [("system_in:1", "loss")]
    assert {n.name: n.lines[0] for n in structure.nodes.values() if n.kind == "signal"} == {
        "system_in:0": "data",
        "system_in:1": "label",
    }
    assert structure.nodes["loss"].kind == "loss"


def test_feedback_is_a_wire_of_its_own_kind():
    structure = structure_of(feedback_brain())
    assert wires(structure, "feedback") == [("back", "merge")]
    assert ("conv1", "merge") in wires(structure)


def test_wires_lead_through_nested_brains_to_the_very_output():
    brain = two_towers()
    brain(np.ones([1, 4], np.float32))
    structure = structure_of(brain, signals=1)
    # Of the inner brain's three signals the first two are those of the split, the third is that of relu.
    into = [(source, target) for source, target in wires(structure) if target.startswith("inner/")]
    assert into == [("split", "inner/second"), ("inner/second", "inner/concat"), ("relu", "inner/concat")]
    assert ("inner/concat", "ip") in wires(structure)
    assert structure.nodes["inner/concat"].path == ("outer", "inner")


def test_blocks_in_a_row_are_wired_in_a_row():
    system = SequentialSystem("row").attach(InnerProductLayer(4, name="a"), ReLULayer(name="b"))
    assert wires(structure_of(system, signals=1)) == row("system_in:0", "a", "b")


def test_a_kid_has_its_sensor_and_its_kongfu_around_the_brain(tmp_path):
    structure = structure_of_kid(digits_kid(tmp_path))
    assert wires(structure)[:2] == [("sensor:DigitsSource", "sensor:pad1"), ("sensor:pad1", "system_in:0")]
    assert ("sensor:DigitsSource", "system_in:1") in wires(structure, "label")
    assert wires(structure, "loss") == [("loss", "kongfu")]


def test_dot_has_boxes_clusters_and_the_kinds_of_wires():
    text = dot_of(structure_of(feedback_brain()))
    assert 'subgraph "cluster net" {' in text
    assert '"merge" [label="merge\\nMerge"' in text
    assert re.search(r'"back" -> "merge" \[.*style=dashed, constraint=false\];', text)
    assert re.search(r'"system_in:1" -> "loss" \[.*style=dashed\];', text)
    nested = dot_of(structure_of(two_towers()))
    assert (
        nested.index('"cluster outer"') < nested.index('"cluster outer/inner"') < nested.index('"inner/concat" [')
    )


def test_names_are_quoted_in_dot():
    from akid.observer.graph.structure import Node, Structure

    text = dot_of(Structure({"a": Node("a", ('say "no"', "back\\slash"))}))
    assert 'label="say \\"no\\"\\nback\\\\slash"' in text


def test_depth_is_the_longest_way_and_feedback_does_not_count():
    depths = depths_of(structure_of(feedback_brain()))
    assert [depths[name] for name in ("system_in:0", "conv1", "merge", "back", "ip", "loss")] == [0, 1, 2, 3, 3, 4]
    assert depths["system_in:1"] == 3, "a label stands right above what takes it"


def test_no_box_covers_another_and_no_long_wire_crosses_one():
    brain = Brain().attach(InnerProductLayer(4, name="b0"))
    for i in range(1, 12):
        sources = sorted({0, i // 2, i - 1})
        brain.attach(MergeLayer(inputs=[f"b{s}" for s in sources], name=f"b{i}"))
    structure = structure_of(brain, 1)
    where = placed(structure)
    assert set(where.places) == set(structure.nodes)
    for (x, y), (u, v) in itertools.combinations(where.places.values(), 2):
        assert y != v or abs(x - u) >= 1 - 1e-9
    for wire in structure.wires:
        way = where.ways[wire]
        assert [y for _, y in way] == sorted(y for _, y in way)
        for x, y in way[1:-1]:
            assert all(y != v or abs(x - u) > 0.5 for u, v in where.places.values()), wire


@pytest.mark.parametrize("program", [graphviz() or "", ""], ids=["graphviz", "matplotlib"])
def test_the_graph_is_drawn_as_png_and_svg(program, tmp_path):
    (picture,) = Observer(digits_kid(tmp_path)).visualize_graph(program)
    assert [path.name for path in picture.paths] == ["graph.png", "graph.svg", "graph.dot"]
    assert picture.paths[0].read_bytes().startswith(b"\x89PNG")
    svg = picture.paths[1].read_text()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert picture.paths[2].read_text().startswith("digraph akid {")
    assert (picture.figure is None) is bool(program)


def test_a_program_that_fails_is_told(tmp_path):
    with pytest.raises(AkidError, match="/bin/false cannot draw the graph; it ended with 1"):
        Observer(digits_kid(tmp_path)).visualize_graph("/bin/false")


def test_a_wire_is_there_once():
    brain = Brain().attach(ReLULayer(name="a"), MergeLayer(inputs=["a", "a"], name="twice"))
    assert structure_of(brain).wires == [Wire("system_in:0", "a"), Wire("a", "twice")]
