"""What a constructor takes, seen through the options that bases share."""

from __future__ import annotations

import inspect
import pickle
from typing import Any, TypedDict, Unpack

import pytest

from akid.constructors import Configured, parameters_of, takes_anything
from akid.errors import BlockError, UnknownArgumentError
from akid.layers import AveragePoolingLayer, ConvolutionLayer, InnerProductLayer, SynapseLayer
from akid.models.brains import LeNet


class Options(TypedDict, total=False):
    name: str | None
    rate: float


class Base(Configured):
    def __init__(self, kind: str = "a", name: str | None = None, rate: float = 1.0) -> None:
        self.values = (kind, name, rate)


class Shared(Base):
    def __init__(self, size: int, **options: Unpack[Options]) -> None:
        super().__init__("b", **options)


class Loose(Base):
    def __init__(self, **kwargs: Any) -> None:
        self.extra = kwargs.pop("extra", None)
        super().__init__(**kwargs)


def test_shared_options_are_parameters_and_what_is_fixed_is_none() -> None:
    found = parameters_of(Shared)
    assert list(found) == ["size", "name", "rate"]
    assert (found["size"].annotation, found["size"].default) == (int, inspect.Parameter.empty)
    assert (found["rate"].annotation, found["rate"].default is inspect.Parameter.empty) == (float, False)


def test_bare_keywords_are_those_of_the_base() -> None:
    assert list(parameters_of(Loose)) == ["kind", "name", "rate"]
    assert takes_anything(Loose)
    assert not takes_anything(Shared)


@pytest.mark.parametrize("layer", [ConvolutionLayer, InnerProductLayer, SynapseLayer])
def test_every_synapse_layer_takes_what_synapse_layers_share(layer: type) -> None:
    shared = {"out_channel_num", "init_para", "initial_bias_value", "wd", "wd_on_bias", "max_norm"}
    assert shared | {"name", "inputs", "dtype"} <= set(parameters_of(layer))


def test_a_pooling_layer_of_one_type_has_no_type() -> None:
    assert list(parameters_of(AveragePoolingLayer)) == ["ksize", "strides", "padding", "name", "inputs", "dtype"]


def test_a_ready_brain_takes_what_brains_take() -> None:
    assert {"class_num", "wd", "name", "inputs", "time_steps", "dtype"} == set(parameters_of(LeNet))


def test_an_unknown_argument_is_an_error_of_akid_and_of_python() -> None:
    with pytest.raises(UnknownArgumentError, match=r"^Shared has no argument 'rat'\. Did you mean 'rate'\?$") as e:
        Shared(3, rat=1.0)  # type: ignore[call-arg]
    assert isinstance(e.value, TypeError)
    assert (e.value.argument, e.value.hint) == ("rat", "Did you mean 'rate'?")


def test_a_constructor_of_bare_keywords_is_left_to_itself() -> None:
    assert Loose(extra=3, rate=2.0).values == ("a", None, 2.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'rat'"):
        Loose(rat=2.0)


def test_a_class_without_a_constructor_takes_nothing() -> None:
    class Plain(Configured):
        pass

    with pytest.raises(UnknownArgumentError, match=r"Plain has no argument 'a'\. It takes no arguments\."):
        Plain(a=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Plain takes no arguments"):
        Plain(1)  # type: ignore[call-arg]


def test_annotations_without_a_meaning_do_no_harm() -> None:
    class Odd(Base):
        def __init__(self, a: Nowhere, **options: Unpack[Options]) -> None:  # type: ignore[name-defined]  # noqa: F821
            super().__init__(**options)

    assert Odd(1, rate=2.0).values[-1] == 2.0


def test_errors_carry_data_also_through_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(BlockError("ksize must be ...", argument="ksize", hint="Did you mean?")))
    assert (str(error), error.argument, error.hint, error.block) == (
        "ksize must be ...",
        "ksize",
        "Did you mean?",
        "",
    )
