"""kubectl is the oracle of akid's dialect of YAML: it reads the table, and what akid writes, as akid does."""

import json
import subprocess
from typing import Any

import pytest
from cluster.binaries import programs
from hypothesis import given, settings
from job.scalars import MERGES, SCALARS, document, kinds
from job.test_dialect import JSON

from akid.job.manifest import dialect

pytestmark = pytest.mark.cluster


def read_by_kubectl(spec: str) -> Any:
    """The spec of an object, by a command that needs no server."""
    indented = "".join(f"  {line}" for line in spec.splitlines(keepends=True))
    text = f"apiVersion: v1\nkind: Any\nmetadata: {{name: x}}\nspec:\n{indented}"
    argv = [programs() / "kubectl", "label", "--local", "--filename=-", "--output=json", "a=b"]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)["spec"]


def test_every_scalar_of_the_table():
    assert kinds(read_by_kubectl(document(SCALARS))) == kinds(dialect.read(document(SCALARS)))


@pytest.mark.parametrize("text", MERGES)
def test_every_merge_of_the_table(text: str):
    assert read_by_kubectl(text) == MERGES[text]


@settings(max_examples=20, deadline=None)
@given(JSON)
def test_what_akid_writes(value: Any):
    text = dialect.write({"a": value})
    assert kinds(read_by_kubectl(text)) == kinds(dialect.read(text))
