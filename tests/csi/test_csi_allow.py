"""What the allow-list permits, and how its faults are told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from akid_csi.allow import granted, parsed
from akid_csi.attributes import wanted
from akid_csi.refusal import Refusal

RULE = {"namespaces": ["ml"], "servers": ["10.0.0.1", "10.0.0.2"], "volume": "rep3", "paths": ["data"]}


def permitted(rule: dict[str, Any], namespace: str = "ml", *, read_only: bool = False, **attributes: str) -> bool:
    """Whether an allow-list of one rule permits it."""
    asked = {"servers": "10.0.0.1", "volume": "rep3", "subDir": "data"} | attributes
    try:
        granted(parsed(json.dumps({"rules": [RULE | rule]})), namespace, wanted(asked, read_only=read_only))
    except Refusal:
        return False
    return True


@pytest.mark.parametrize(
    ("rule", "asked", "expected"),
    [
        ({}, {}, True),
        ({}, {"namespace": "other"}, False),
        ({}, {"namespace": "ml-2"}, False),
        ({"namespaces": ["*"]}, {"namespace": "other"}, True),
        ({"namespaces": ["team-*"]}, {"namespace": "team-a"}, True),
        ({"namespaces": ["team-*"]}, {"namespace": "teams"}, False),
        ({"namespaces": ["a", "ml"]}, {}, True),
        ({}, {"servers": "10.0.0.2,10.0.0.1"}, True),
        ({}, {"servers": "10.0.0.1,10.0.0.3"}, False),
        ({}, {"volume": "rep4"}, False),
        ({}, {"subDir": "data/mnist"}, True),
        ({}, {"subDir": "database"}, False),
        ({}, {"subDir": ""}, False),
        ({"paths": ["/"]}, {"subDir": ""}, True),
        ({"paths": ["a/b", "c"]}, {"subDir": "a"}, False),
        ({"paths": ["a/b", "c"]}, {"subDir": "c/d"}, True),
        ({"paths": ["runs/${namespace}"]}, {"subDir": "runs/ml/digits"}, True),
        ({"paths": ["runs/${namespace}"]}, {"subDir": "runs/other/digits"}, False),
        ({"paths": ["runs/${namespace}"], "namespaces": ["*"]}, {"subDir": "runs/ml/x", "namespace": "m"}, False),
        ({"readOnly": True}, {}, False),
        ({"readOnly": True}, {"read_only": True}, True),
        ({"readOnly": False}, {"read_only": True}, True),
    ],
)
def test_a_rule_permits(rule: dict[str, Any], asked: dict[str, Any], expected: bool) -> None:
    assert permitted(rule, **asked) is expected


@pytest.mark.parametrize("text", ["", " \n", "{}", '{"rules": []}', '{"rules": null}'])
def test_an_empty_list_permits_nothing(text: str) -> None:
    assert parsed(text) == ()


def test_one_rule_that_permits_is_enough() -> None:
    rules = parsed(json.dumps({"rules": [RULE | {"namespaces": ["a"]}, RULE | {"namespaces": ["b"]}]}))
    asked = wanted({"servers": "10.0.0.2", "volume": "rep3", "subDir": "data"}, read_only=False)
    assert granted(rules, "b", asked).alike(asked)


@pytest.mark.parametrize("named", ["10.0.0.2", "10.0.0.1", "10.0.0.2,10.0.0.1"])
def test_the_servers_are_the_rules_however_a_pod_names_them(named: str) -> None:
    asked = wanted({"servers": named, "volume": "rep3", "subDir": "data"}, read_only=False)
    found = granted(parsed(json.dumps({"rules": [RULE]})), "ml", asked)
    assert found.source.servers == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("paths", "sub_dir", "above"),
    [
        (["/"], "a/b", 0),
        (["a"], "a/b", 0),
        (["runs/${namespace}"], "runs/ml/digits", 1),
        (["a/b/c"], "a/b/c", 2),
        (["a/b/c", "a"], "a/b/c", 0),
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_directories_above_what_a_namespace_may_use_are_not_its_own(
    paths: list[str], sub_dir: str, above: int, apart: bool
) -> None:
    rules = [RULE | {"paths": [path]} for path in paths] if apart else [RULE | {"paths": paths}]
    asked = wanted({"servers": "10.0.0.1", "volume": "rep3", "subDir": sub_dir}, read_only=False)
    assert granted(parsed(json.dumps({"rules": rules})), "ml", asked).above == above


def test_a_refusal_says_who_may_not_do_what() -> None:
    asked = wanted({"servers": "10.0.0.1", "volume": "rep3", "subDir": "x"}, read_only=False)
    with pytest.raises(Refusal) as refusal:
        granted((), "ml", asked)
    assert refusal.value.code == "PERMISSION_DENIED"
    assert "namespace 'ml' may not write 10.0.0.1:/rep3/x: no rule" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expecting"),
        ("[]", 'expected {"rules": [...]}'),
        ('{"rule": []}', 'expected {"rules": [...]}'),
        ('{"rules": {"a": 1}}', "rules: expected a list"),
        ('{"rules": [1]}', "rules[0]: expected a mapping. Received: 1"),
        (json.dumps({"rules": [RULE, RULE | {"path": "x"}]}), "rules[1].path: unknown field. Known: namespaces,"),
        (json.dumps({"rules": [RULE | {"namespaces": []}]}), "rules[0].namespaces: expected a list of texts"),
        (json.dumps({"rules": [RULE | {"namespaces": "ml"}]}), "rules[0].namespaces: expected a list"),
        (json.dumps({"rules": [RULE | {"paths": [""]}]}), "rules[0].paths: expected a list of texts"),
        (json.dumps({"rules": [RULE | {"paths": ["a/../b"]}]}), "rules[0].paths: subDir: expected a path without"),
        (json.dumps({"rules": [RULE | {"servers": ["*"]}]}), "rules[0].servers: expected names or addresses"),
        (json.dumps({"rules": [RULE | {"volume": "*"}]}), "rules[0].volume: expected a volume's name"),
        (json.dumps({"rules": [RULE | {"readOnly": "true"}]}), "rules[0].readOnly: expected true or false"),
        *((json.dumps({"rules": [{k: v for k, v in RULE.items() if k != name}]}), f"rules[0].{name}: expected")
          for name in RULE),
    ],
)  # fmt: skip
def test_a_fault_of_the_list_is_told_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parsed(text)
