"""Declarative kids whose values are templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from akid.errors import InvalidSpecError
from akid.job.api.kid import Kid
from akid.manifests.fill import fill, filled_arguments

PARAMS = {"net_paras": {"widths": [32, 64], "act": {"type": "relu"}, "bn": True, "word": "max"}, "repeat": 2}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{{ net_paras["widths"][1] }}', 64),
        ("{{net_paras.act}}", {"type": "relu"}),
        ('{{ net_paras["bn"] }}', True),
        ("{{ net_paras.word }}", "max"),
        ("{{ net_paras.widths[0] * 2 }}", 64),
        ("{{ net_paras.word }}out{{ repeat }}", "maxout2"),
        ("{% if net_paras.bn %}yes{% endif %}", "yes"),
        ("plain", "plain"),
        ({"a": ["{{ repeat }}", 1.5, None]}, {"a": [2, 1.5, None]}),
    ],
)
def test_a_text_that_is_one_expression_becomes_its_value(text, value):
    assert fill(text, PARAMS) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ net_paras.depth }}", "no attribute 'depth'.*Given params: net_paras, repeat"),
        ("{{ opt_paras }}", "'opt_paras' is undefined"),
        ("{{ net_paras.word + }}", "the template is wrong"),
        ("{% if %}", "the template is wrong"),
        ("{{ net_paras.widths[0] / 0 }}", "ZeroDivisionError"),
        ("a {{ nothing }}", "'nothing' is undefined"),
    ],
)
def test_what_is_wrong_is_told_with_the_path_of_the_text(text, says):
    with pytest.raises(InvalidSpecError, match=says) as error:
        fill({"brain": {"blocks": [{"n": text}]}}, PARAMS)
    assert error.value.path == "spec.kid.brain.blocks[0].n"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_value_that_is_filled_in_stays_what_it_is(value):
    assert fill("{{ value }}", {"value": value}) == value


def test_a_kid_without_params_keeps_its_braces():
    spec = {"sensor": {"source": {"type": "A"}}, "brain": {"type": "B"}, "kongfu": {"type": "C"}}
    spec["kongfu"]["name"] = "{{ x }}"
    assert filled_arguments(Kid.model_validate(spec))["kongfu"]["name"] == "{{ x }}"
    assert filled_arguments(Kid.model_validate({**spec, "params": {"x": 3}}))["kongfu"]["name"] == 3
