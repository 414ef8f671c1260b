"""Whatever stands in a declarative kid: a Kid, or an error with the path of a field. Never anything else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from cli.files import BLOCKS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from akid.errors import InvalidSpecError
from akid.job import InvalidManifestError, parse
from akid.manifests.catalog import BLOCKS as BLOCK_TYPES
from akid.manifests.catalog import CATALOGS
from akid.manifests.declare import Declared, declare_kid

VALID = yaml.safe_load(BLOCKS)
TYPES = [name for catalog in (*CATALOGS.values(), BLOCK_TYPES) for name in catalog.types]
KEYS = [
    "name",
    "type",
    "type_",
    "inputs",
    "blocks",
    "ksize",
    "system_in",
    "conv1",
    "uniform",
    "l2",
    "max",
    "os.system",
]
WORDS = st.sampled_from([*TYPES, *KEYS])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12) | st.integers(),
    st.floats(),
    WORDS,
    st.text(max_size=6),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def places_in(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all nodes below this one."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [p for key, child in pairs for p in [(*path, key), *places_in(child, (*path, key))]]


PLACES = places_in(VALID["spec"]["kid"])


def put(kid: dict[str, Any], path: tuple[Any, ...], value: Any, new_key: str | None) -> None:
    """Replace what stands at a path, or add a key beside it."""
    node: Any = kid
    for key in path[:-1]:
        node = node[key]
    if new_key is not None and isinstance(node, dict):
        node[new_key] = value
    else:
        node[path[-1]] = value


def is_kid_or_path(make: Callable[[], Declared]) -> bool:
    """Whether it gives a Kid, or an error of which every problem has the path of a field."""
    try:
        return isinstance(make(), Declared)
    except InvalidManifestError as error:
        return all(problem.path.startswith("spec.kid") for problem in error.problems)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), JUNK, st.none() | WORDS)
def test_junk_in_a_declarative_kid_gives_a_kid_or_a_path(path, junk, new_key):
    manifest = copy.deepcopy(VALID)
    put(manifest["spec"]["kid"], path, junk, new_key)
    assert is_kid_or_path(lambda: declare_kid(parse(manifest).spec.kid.arguments()))


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("sensor", "brain", "kongfu", "max_steps"), JUNK)))
def test_junk_for_a_whole_kid_gives_a_kid_or_a_path(spec):
    assert is_kid_or_path(lambda: declare_kid(spec))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(TYPES), st.dictionaries(WORDS, JUNK, max_size=3), st.sampled_from(["brain", "kongfu"]))
def test_junk_as_arguments_of_any_type(kind, arguments, where):
    block = {**arguments, "type": kind}
    spec = copy.deepcopy(VALID["spec"]["kid"])
    spec[where] = {"blocks": [block]} if where == "brain" else block
    assert is_kid_or_path(lambda: declare_kid(spec))


@pytest.mark.parametrize("name", ["os.system", "akid.kids.kid.Kid", "builtins.eval", "Kid", "__import__", "Block"])
def test_only_names_of_the_catalog_are_types(name):
    spec = copy.deepcopy(VALID["spec"]["kid"])
    spec["brain"]["blocks"][0] = {"type": name}
    with pytest.raises(InvalidSpecError, match=f"there is no block called '{name}'"):
        declare_kid(spec)


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "Lambda", "function": "print"},
        {"type": "TFSMLayer", "filepath": "/tmp/program"},
        {
            "type": "Dense",
            "units": 1,
            "activation": {"module": "os", "class_name": "function", "config": "system"},
        },
        {"type": "RNN", "cell": [{"module": "os", "class_name": "function", "config": "system"}]},
    ],
)
def test_a_keras_layer_of_a_manifest_cannot_run_code(layer):
    spec = copy.deepcopy(VALID["spec"]["kid"])
    spec["brain"]["blocks"][0] = {"type": "KerasLayer", "layer": layer}
    with pytest.raises(
        InvalidSpecError, match="by its type only a Keras layer of plain arguments is made"
    ) as error:
        declare_kid(spec)
    assert error.value.path == "spec.kid.brain.blocks[0]"


@pytest.mark.parametrize(("name", "argument"), [("ArraySource", "data"), ("FunctionJoker", "function")])
def test_what_takes_a_python_object_is_for_scripts_and_modules(name, argument):
    spec = copy.deepcopy(VALID["spec"]["kid"])
    if name.endswith("Joker"):
        spec["sensor"]["jokers"] = [{"type": name}]
    else:
        spec["sensor"]["source"] = {"type": name}
    with pytest.raises(InvalidSpecError, match=f"{name} takes a Python object, {argument}; make it in a script"):
        declare_kid(spec)


def test_a_type_can_have_an_argument_called_type():
    spec = copy.deepcopy(VALID["spec"]["kid"])
    spec["brain"]["blocks"][2] = {"type": "PoolingLayer", "ksize": 4, "type_": "avg"}
    assert declare_kid(spec).kid.brain.blocks[2].type == "avg"
    spec["brain"]["blocks"][2]["type_"] = "mean"
    with pytest.raises(InvalidSpecError, match=r"blocks\[2\]\.type_: expected one of 'max', 'avg'"):
        declare_kid(spec)


def test_sugar_makes_several_blocks_of_one():
    spec = copy.deepcopy(VALID["spec"]["kid"])
    sugar = {"type": "cnn_block", "ksize": 3, "activation": {"type": "relu"}, "bn": True}
    spec["brain"]["blocks"][:3] = [sugar]
    declared = declare_kid(spec)
    names = [name for name, path in declared.blocks.items() if path == "spec.kid.brain.blocks[0]"]
    assert len(names) == 4
    assert declared.blocks["ip1"] == "spec.kid.brain.blocks[1]"


def test_a_declared_block_knows_its_place():
    declared = declare_kid(VALID["spec"]["kid"])
    assert declared.blocks["pool1"] == "spec.kid.brain.blocks[2]"
    assert list(declared.jokers.values()) == ["spec.kid.sensor.jokers[0]"]
