"""docs/jobs.md: what it shows is valid, and its table is that of the models."""

from __future__ import annotations

import re

import pytest
import yaml
from docs.fences import ROOT, fences_in

from akid.job import load_mapping, parse
from akid.job.api.policy import RunPolicy, Scheduling

PAGE = ROOT / "docs/jobs.md"
SHOWN = [yaml.safe_load(fence.code) for fence in fences_in(PAGE) if fence.language == "yaml"]
#: What is None in the models: which codes are restarted, how many pods a gang is.
WORKED_OUT = {"retryableExitCodes": "42, 128 to 255", "minAvailable": "all"}
#: Of each line of the table: its fields, and what they are by default.
TABLE = re.findall(r"^\| `(\w+)\.([\w`, ]+)` \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("part", [part for part in SHOWN if "kind" not in part], ids=lambda part: ",".join(part))
def test_a_part_of_a_spec_that_it_shows_is_valid(part):
    job = load_mapping(ROOT / "examples/jobs/digits.yaml")
    assert parse({**job, "spec": job["spec"] | part}).spec.volumes.log is not None


@pytest.mark.parametrize(("field", "model"), [("runPolicy", RunPolicy), ("scheduling", Scheduling)])
def test_its_table_names_every_field_and_its_default(field, model):
    told = {name: default for owner, names, default in TABLE if owner == field for name in names.split("`, `")}
    fields = {about.alias: about.get_default(call_default_factory=True) for about in model.model_fields.values()}
    assert set(told) == set(fields)
    plain = {name: str(value).lower() for name, value in fields.items() if value not in (None, "", [])}
    written = {name: default.strip().lower() for name, default in told.items() if default.strip()}
    assert written == plain | {name: WORKED_OUT[name] for name in fields if name in WORKED_OUT}


def test_the_codes_it_calls_retryable_are():
    assert [code for code in range(1, 256) if RunPolicy().retryable(code)] == [42, *range(128, 256)]
