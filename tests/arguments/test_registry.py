"""Classes that are chosen by name: learning-rate schemes, initialisers, engines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from akid.blocks.initializers import Initializer
from akid.engines import Engine, SingleEngine
from akid.errors import AkidError
from akid.lr_schemes import LearningRateScheme
from akid.registry import Registry

BASES = {"engine": Engine, "initialiser": Initializer, "scheme": LearningRateScheme}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = {base: dict(base.names) for base in BASES.values()}
    yield
    for base, names in before.items():
        for name in [n for n in base.names if n not in names]:
            del base.names[name]
        assert dict(base.names) == names


def defined(base: Any, name: str) -> Any:
    """A subclass of one's own called ``name``; the bases have two ways to say a name."""
    if base is Engine:
        return type("Mine", (base,), {"name": name, "__module__": "mine"})
    return type(base)("Mine", (base,), {"__module__": "mine"}, name=name)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_a_third_party_registers_by_a_name_of_its_own(base: Any) -> None:
    made = defined(base, "mine")
    assert base.names["mine"] is made
    assert type(base.of("mine")) is made
    assert type(base.of({"name": "mine"})) is made


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_a_class_without_a_name_registers_nothing(base: Any) -> None:
    known = dict(base.names)
    first = next(iter(base.names.values()))
    type("Nameless", (base,), {})
    type("Heir", (first,), {})
    assert dict(base.names) == known


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_a_name_is_not_taken_from_another_class_by_accident(base: Any) -> None:
    name, owner = next(iter(base.names.items()))
    place = f"{owner.__module__}.{owner.__qualname__}"
    with pytest.raises(AkidError, match=rf"The .* '{name}' is {place} already\. Give mine\.Mine another name"):
        defined(base, name)
    assert base.names[name] is owner


def test_a_class_that_is_defined_again_takes_the_place_of_the_first() -> None:
    first = defined(LearningRateScheme, "mine")
    again = defined(LearningRateScheme, "mine")
    assert LearningRateScheme.names["mine"] is again is not first


@pytest.mark.parametrize(
    ("base", "spec", "message"),
    [
        (Engine, "singel", r"Unknown engine\. Did you mean 'single'\? Received: 'singel'"),
        (Engine, {"name": 3}, r"Unknown engine\. Known: .*single.* Received: {'name': 3}"),
        (Initializer, "zeroes", r"Unknown initialiser\. Did you mean 'zeros'\?"),
        (LearningRateScheme, "cosin", r"Unknown learning-rate scheme\. Did you mean 'cosine'\?"),
        (Initializer, {"name": "normal", "stdev": 1}, r"takes \['stddev'\]\. Unknown: 'stdev'\. Did you mean"),
        (LearningRateScheme, {"name": "warmup"}, r"'warmup' takes .*\. Missing: 'warmup_steps'\. Received: {}"),
        (Engine, 3, r'engine must be a name, {"name": \.\.\., \*\*options} or an Engine\. Received: engine=3'),
        (Initializer, 3, r'must be a name, {"name": \.\.\., \*\*arguments} or an Initializer\. Received: .*=3'),
    ],
    ids=str,
)
def test_a_wrong_spec_is_told_what_is_right(base: Any, spec: Any, message: str) -> None:
    with pytest.raises(AkidError, match=message):
        base.of(spec)


def test_the_engine_of_the_package_is_there() -> None:
    assert isinstance(Engine.of("single"), SingleEngine)


def test_a_registry_is_a_mapping() -> None:
    registry: Registry[int] = Registry("number")
    registry.add("", bool)
    registry.add("int", int)
    assert dict(registry) == {"int": int}
    del registry["int"]
    assert len(registry) == 0
