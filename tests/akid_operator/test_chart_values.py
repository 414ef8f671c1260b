"""Mistaken values of the chart are told by helm, before anything is installed; odd ones work."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from akid_csi import allow
from chart import CHART, render
from cluster.helm import HelmError, helm

pytestmark = pytest.mark.cluster
RULE = {"namespaces": ["ml"], "servers": ["10.0.0.1"], "volume": "rep3", "paths": ["runs/${namespace}"]}


def rules(**changed: Any) -> dict[str, Any]:
    """Values with one rule."""
    return {"glusterfs": {"enabled": True, "rules": [RULE | changed]}}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"replica": 3}, "additional properties 'replica' not allowed"),
        ({"jobs": {"allowedVolumes": ["hostpath"]}}, "at '/jobs/allowedVolumes/0': value must be one of"),
        ({"jobs": {"env": {"A": 1}}}, "at '/jobs/env/A': got number, want string"),
        ({"glusterfs": {"rules": [{"volume": "rep3"}]}}, "missing properties 'namespaces', 'servers', 'paths'"),
        ({"priorityClass": {"name": ""}}, "at '/priorityClass/name': minLength: got 0, want 1"),
    ],
    ids=["unknown", "not a kind", "not a text", "not a rule", "a class without a name"],
)
def test_a_mistaken_value_is_told(values: dict[str, Any], told: str):
    with pytest.raises(HelmError, match=re.escape(told)):
        render("", "ops", **values)


@pytest.mark.parametrize(
    "changed",
    [{"servers": ["gl1:24007"]}, {"servers": ["10.0.0.1,10.0.0.2"]}, {"servers": ["gl_1"]}, {"servers": [""]},
     {"paths": ["../x"]}, {"paths": ["a/./b"]}, {"paths": ["a/.."]}, {"paths": [""]}, {"volume": "a/b"}],
    ids=str,
)  # fmt: skip
def test_a_rule_that_the_driver_would_refuse_is_told(changed: dict[str, Any]):
    """One that is wrong makes it permit nothing to anybody."""
    with pytest.raises(ValueError, match=r"^rules\[0\]"):
        allow.parsed(json.dumps({"rules": [RULE | changed]}))
    with pytest.raises(HelmError, match=rf"at '/glusterfs/rules/0/{next(iter(changed))}"):
        render("", "ops", **rules(**changed))


@pytest.mark.parametrize(
    "changed", [{"servers": ["gl-1.example.com", "fd00::1"]}, {"paths": ["/"]}, {"paths": ["a/..b/.c"]}], ids=str
)
def test_a_rule_that_the_driver_takes_is_taken(changed: dict[str, Any]):
    (found,) = allow.parsed(json.dumps({"rules": [RULE | changed]}))
    assert found.volume == "rep3"
    assert render("", "ops", **rules(**changed))


def test_who_may_see_the_status_may_be_left_out():
    (deployment,) = render("deployment.yaml", "ops", jobs={"networkPolicy": {"enabled": True, "statusFrom": None}})
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    (peers,) = [json.loads(text.partition("=")[2]) for text in arguments if text.startswith("--isolate-jobs=")]
    assert len(peers) == 1


def test_an_annotation_that_is_there_already_is_not_there_twice():
    own = {"kubectl.kubernetes.io/default-container": "side", "a": "b"}
    arguments = ("template", "akid", str(CHART), "--show-only=templates/deployment.yaml", "--values=-")
    rendered = helm(*arguments, stdin=json.dumps({"podAnnotations": own}))
    assert rendered.count("default-container") == 1
    assert yaml.safe_load(rendered)["spec"]["template"]["metadata"]["annotations"] == own
