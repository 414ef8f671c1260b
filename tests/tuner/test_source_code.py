"""The source of a function as a script of its own."""

from __future__ import annotations

import collections
import math as maths
from dataclasses import dataclass

import pytest

from akid.errors import DataError
from akid.manifests.scripts import render
from akid.tuner.source_code import script_of
from akid.tuner.templates import Template

FACTOR = 3
UNUSED = collections.OrderedDict()


def twice(x):
    return FACTOR * x - x


@dataclass
class Pair:
    left: int


def setup(graph=None):
    """A template."""
    return Pair(twice({{net_paras["n"]}})), maths.pi  # noqa: F821


def other_name():
    return Pair(1)


def run(script):
    space: dict = {"__name__": "script"}
    exec(compile(script, "script", "exec", dont_inherit=True), space)
    return space


def test_what_the_function_uses_comes_along_and_nothing_else():
    script = script_of(setup)
    assert "UNUSED" not in script
    assert "collections" not in script
    pair, pi = run(render(script, {"net_paras": {"n": 5}}))["setup"]()
    assert (pair.left, pi) == (10, maths.pi)


def test_a_function_of_another_name_is_the_setup():
    assert run(script_of(other_name))["setup"]().left == 1


def test_a_function_that_needs_its_surroundings_is_refused():
    width = 3

    def closed():
        return width

    with pytest.raises(DataError, match=r"must not use variables of the function around it.*width"):
        script_of(closed)


@pytest.mark.parametrize("setup", [lambda: 1, len, eval("lambda: 1")], ids=["lambda", "builtin", "no source"])
def test_what_is_no_function_with_a_source_is_refused(setup):
    with pytest.raises(DataError, match="setup must be a function"):
        script_of(setup)


@pytest.mark.parametrize(
    ("setup", "says"),
    [(3, "Received: setup=3"), ("nowhere.py", "No such file"), (None, "Received: setup=None")],
    ids=str,
)
def test_what_is_no_template_is_refused(setup, says):
    with pytest.raises(DataError, match=says):
        Template.of(setup)


def test_files_and_texts_are_templates(tmp_path):
    text = "def setup():\n    return {{ opt_paras['lr'] }}\n"
    (tmp_path / "t.py").write_text(text)
    for given in (text, tmp_path / "t.py", str(tmp_path / "t.py")):
        assert Template.of(given).filled({"opt_paras": {"lr": "x"}})["script"].endswith("return 'x'")
