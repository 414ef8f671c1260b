"""The CustomResourceDefinition: up to date, structural, bounded, small, and every field explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from akid.job.crd.crd import crd, schema, to_yaml
from akid.job.crd.rules import RULES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "crds" / "akidjobs.akid.dev.yaml"
SPEC = schema()["properties"]["spec"]


def fields(part: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema with its path."""
    for name, field in part.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in part:
            yield from fields(part[inner], f"{path}[]")


EVERY_FIELD = [*fields(SPEC, "spec"), *fields(schema()["properties"]["status"], "status")]


@pytest.mark.parametrize("directory", ["crds", "charts/akid-operator/crds"])
def test_the_file_is_what_the_models_say(directory: str):
    assert (ROOT / directory / FILE.name).read_text() == to_yaml(), "run `make crds`"


def test_plain_kubectl_apply_works():
    assert len(FILE.read_bytes()) < 262_144


def test_every_field_is_explained():
    assert [path for path, field in EVERY_FIELD if not field.get("description")] == []


def test_the_schema_is_structural():
    forbidden = {"$ref", "$defs", "anyOf", "allOf", "oneOf", "title", "const"}
    assert [path for path, field in EVERY_FIELD if forbidden & set(field) or "type" not in field] == []
    assert [path for path, field in EVERY_FIELD if field.get("additionalProperties") is False] == []


def test_every_list_and_text_a_rule_may_look_into_is_bounded():
    looked_into = [(path, field) for path, field in EVERY_FIELD if path.startswith("spec") and "enum" not in field]
    assert [path for path, field in looked_into if field["type"] == "array" and "maxItems" not in field] == []
    assert [path for path, field in looked_into if field["type"] == "string" and "maxLength" not in field] == []


def test_only_the_documented_parts_are_open():
    opened = {path for path, field in EVERY_FIELD if field.get("x-kubernetes-preserve-unknown-fields")}
    assert {path for path in opened if "template" not in path.lower()} == {
        "spec.kid", "spec.kid.sensor", "spec.kid.sensor.source", "spec.kid.brain", "spec.kid.kongfu",
        "spec.kid.params", "spec.tune.random.netParas", "spec.tune.random.optParas", "status.best.parameters",
    }  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.at} {rule.message}")
def test_a_rule_stands_at_a_field_and_names_one(rule: Any):
    place: dict[str, Any] = schema()
    for part in [*rule.at.split("."), *filter(None, rule.field.split("."))]:
        place = place["properties"][part]


def test_parts_that_rules_look_at_are_filled_with_defaults():
    assert SPEC["properties"]["engine"]["default"] == {"name": "single", "workers": 1, "evaluator": False}
    assert SPEC["properties"]["runPolicy"]["default"]["restartStrategy"] == "InPlace"


def test_the_status_has_no_defaults_that_would_write_themselves():
    assert [path for path, field in EVERY_FIELD if path.startswith("status") and "default" in field] == []


def test_names_and_subresources():
    spec = crd()["spec"]
    version = spec["versions"][0]
    assert spec["names"]["shortNames"] == ["aj", "kid"]
    assert version["subresources"]["scale"]["specReplicasPath"] == ".spec.engine.workers"
    columns = [c["name"] for c in version["additionalPrinterColumns"] if "priority" not in c]
    assert columns == ["Engine", "State", "Ready", "Step", "Loss", "ETA", "Restarts", "Age", "Reason"]
