"""The dialect of YAML: what kubectl reads, akid reads; what akid writes, both read as it was."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from job.scalars import MERGES, SCALARS, document, kinds

from akid.job.manifest import dialect

TEXT = st.text() | st.sampled_from(sorted(SCALARS)) | st.from_regex(r"[-+.0-9_eExob:~<=\n #]{1,8}", fullmatch=True)
# Of a whole float the server keeps the shortest digits, as an integer: the same number only below 2**53.
REAL = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not 2**53 < abs(x) < 2**63)
NUMBER = st.integers(-(2**63), 2**63 - 1) | REAL
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("text", SCALARS)
def test_a_plain_scalar_is_what_kubectl_reads(text: str):
    assert kinds(dialect.read(f"a: {text}")) == kinds({"a": SCALARS[text]})


@pytest.mark.parametrize("text", MERGES)
def test_of_a_merge_and_a_key_the_later_counts_however_often_it_is_merged(text: str):
    assert dialect.read(text) == MERGES[text]


@given(JSON)
def test_what_is_written_is_read_as_it_was(value: Any):
    assert dialect.read(dialect.write(value)) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: .inf", ".inf is no number that JSON has"),
        ("a: -.INF", "-.INF is no number that JSON has"),
        ("a: .nan", ".nan is no number that JSON has"),
        ("a: !!int 1.5", "'1.5' is no int"),
        ("a: !!bool perhaps", "'perhaps' is no bool"),
        ("<<: 3", "expected a mapping, or a list of them, to merge"),
        ("a: &a {x: 1}\nb: {x: 1, <<: *a, x: 2}", "duplicate key 'x'"),
        ("a: !!binary aGVsbG8=", "could not determine a constructor for the tag 'tag:yaml.org,2002:binary'"),
        ("a: !!set {x}", "could not determine a constructor for the tag 'tag:yaml.org,2002:set'"),
    ],
)
def test_what_json_has_not_is_refused_where_it_stands(text: str, problem: str):
    with pytest.raises(yaml.MarkedYAMLError) as error:
        dialect.read(text)
    assert error.value.problem == problem
    assert error.value.problem_mark is not None


def test_a_scalar_has_no_place_for_another_reading():
    lines = dialect.read(document(SCALARS))
    assert kinds(list(lines.values())) == kinds(list(SCALARS.values()))
