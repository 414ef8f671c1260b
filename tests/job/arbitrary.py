"""Manifests by chance, valid ones and nearly valid ones, over every field of the schema."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st
from job.manifests import KID

from akid.job.crd.crd import schema

Schema = dict[str, Any]
SPEC: Schema = schema()["properties"]["spec"]
ENGINES: list[Schema] = [
    {"name": "single"},
    {"name": "data_parallel", "num_gpu": 2},
    {"name": "multi_worker", "workers": 3},
    {"name": "multi_worker", "workers": 3, "minWorkers": 2},
    {"name": "parameter_server", "workers": 2, "parameterServers": 2, "evaluator": True},
]
KIDS: list[Schema] = [KID, {"script": "def setup(): ..."}, {"module": "package.module:setup", "params": {"a": 1}}]
ASCII = st.characters(min_codepoint=32, max_codepoint=126)
# Of every type, and what looks like another one.
JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1.0,
    0.5,
    2**40,
    2**70,
    1e300,
    "",
    "a",
    "A b",
    "x" * 400,
    [],
    [{}],
    {},
    {"a": 1},
]


@st.composite
def specs(draw: st.DrawFn) -> Schema:
    """The spec of a job: one that is valid, with a few fields changed."""
    spec: Schema = {"kid": copy.deepcopy(draw(st.sampled_from(KIDS)))}
    spec["engine"] = dict(draw(st.sampled_from(ENGINES)))
    for _ in range(draw(st.integers(0, 3))):
        _change(draw, SPEC, spec)
    return spec


@st.composite
def changes(draw: st.DrawFn, spec: Schema) -> Schema:
    """A spec with one or two of its fields changed."""
    spec = copy.deepcopy(spec)
    for _ in range(draw(st.integers(1, 2))):
        _change(draw, SPEC, spec)
    return spec


def _change(draw: st.DrawFn, at: Schema, place: Schema) -> None:
    """Change a field somewhere below a part of the spec; set, removed, misspelt."""
    name = draw(st.sampled_from(sorted(at["properties"])))
    field = at["properties"][name]
    inner = field["items"] if field["type"] == "array" else field
    if "properties" in inner and draw(st.integers(0, 3)) > 0:
        _change(draw, inner, _below(draw, field, place, name))
        return
    how = draw(st.sampled_from(["set"] * 6 + ["junk", "junk", "edge", "edge", "remove", "misspell"]))
    if how == "remove":
        place.pop(name, None)
    elif how == "misspell":
        place[name + "s"] = place.pop(name, {})
    else:
        place[name] = draw({"set": values, "junk": _junk, "edge": edges}[how](field))


def _junk(field: Schema) -> st.SearchStrategy[Any]:
    """For an integer no 1.0: the server takes it, a model does not, and that is known."""
    of_integers = [value for value in JUNK if not (isinstance(value, float) and value.is_integer())]
    return st.sampled_from(of_integers if field["type"] == "integer" else JUNK)


def _below(draw: st.DrawFn, field: Schema, place: Schema, name: str) -> Schema:
    """The mapping under a name, made if it is not there; under a list, its only one."""
    if field["type"] == "array":
        place[name] = [draw(values(field["items"]))]
        return place[name][0]
    if not isinstance(place.get(name), dict):
        place[name] = {}
    return place[name]


def values(field: Schema) -> st.SearchStrategy[Any]:
    """What the schema of a field allows (its rules may not)."""
    if "enum" in field:
        return st.sampled_from(field["enum"])
    made = {"string": _texts, "integer": _integers, "array": _lists, "object": _objects}
    plain = {"boolean": st.booleans(), "number": st.floats(allow_nan=False, allow_infinity=False)}
    kind = field["type"]
    return made[kind](field) if kind in made else plain[kind]


def edges(field: Schema) -> st.SearchStrategy[Any]:
    """What is just inside and just outside of the bounds of a field."""
    found: list[Any] = [None]
    for bound, step in (("minimum", -1), ("maximum", 1)):
        found += [field[bound], field[bound] + step] if bound in field else []
    if field["type"] == "string" and field.get("maxLength", 10**9) <= 5000:
        found += ["a" * field["maxLength"], "a" * (field["maxLength"] + 1), "\u00e9" * field["maxLength"], ""]
    if "enum" in field:
        found += [value.swapcase() for value in field["enum"]]
    if field["type"] == "array" and field.get("maxItems", 10**9) <= 1000:
        first = values(field["items"])
        sizes = st.sampled_from([0, 1, field["maxItems"], field["maxItems"] + 1])
        return st.one_of(st.sampled_from(found), st.tuples(first, sizes).map(lambda pair: [pair[0]] * pair[1]))
    return st.sampled_from(found)


def _texts(field: Schema) -> st.SearchStrategy[str]:
    longest, shortest = min(field.get("maxLength", 20), 20), field.get("minLength", 0)
    if "pattern" in field:
        return st.from_regex(field["pattern"], alphabet=ASCII | st.just("\n")).filter(lambda text: len(text) < 60)
    return st.text(ASCII, min_size=shortest, max_size=longest)


def _integers(field: Schema) -> st.SearchStrategy[int]:
    return st.integers(field.get("minimum", -(2**53)), field.get("maximum", 2**53))


def _lists(field: Schema) -> st.SearchStrategy[list[Any]]:
    return st.lists(values(field["items"]), min_size=field.get("minItems", 0), max_size=2)


def _objects(field: Schema) -> st.SearchStrategy[Schema]:
    if "additionalProperties" in field:
        return st.dictionaries(st.sampled_from(["a", "b.c/d"]), values(field["additionalProperties"]), max_size=2)
    fields: dict[str, Schema] = field.get("properties", {})
    required = {name: values(fields[name]) for name in field.get("required", ())}
    optional = {name: values(inner) for name, inner in fields.items() if name not in required}
    if field.get("x-kubernetes-preserve-unknown-fields"):
        optional["beyond"] = st.sampled_from(JUNK)
    some = st.sets(st.sampled_from(sorted(optional)), max_size=3) if optional else st.just(set[str]())
    return some.flatmap(
        lambda names: st.fixed_dictionaries({**required, **{n: optional[n] for n in sorted(names)}})
    )
