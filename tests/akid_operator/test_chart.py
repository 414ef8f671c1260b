"""The chart's templates over the values of its ci/, read by a real API server and by the operator itself."""

from __future__ import annotations

import importlib.util
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from akid_operator.__main__ import options
from akid_operator.serve.settings import Options
from chart import CHART, render
from cluster.helm import helm
from jobs import REPOSITORY

pytestmark = pytest.mark.cluster
CASES = sorted(CHART.glob("ci/*-values.yaml"))
#: Kinds of the Prometheus operator, which the test control plane has not.
UNSERVED = {"ServiceMonitor"}
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def rendered(case: str, kind: str = "") -> list[dict[str, Any]]:
    """What a case gives, in the order of the templates; of a kind."""
    values = yaml.safe_load((CHART / f"ci/{case}-values.yaml").read_text())
    return [manifest for manifest in render("", "ops", **values) if kind in ("", manifest["kind"])]


def named(case: str, kind: str, name: str = "akid-operator") -> dict[str, Any]:
    """The one of a kind and a name."""
    (found,) = [manifest for manifest in rendered(case, kind) if manifest["metadata"]["name"] == name]
    return found


def given(case: str) -> Options:
    """What the operator makes of the arguments of its Deployment."""
    (container,) = named(case, "Deployment")["spec"]["template"]["spec"]["containers"]
    return options(container["args"])[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_helm_finds_nothing_to_say(case: Path):
    told = helm("lint", "--strict", str(CHART), f"--values={case}")
    assert "1 chart(s) linted, 0 chart(s) failed" in told
    assert "WARNING" not in told


def test_what_is_packaged_has_the_kind_and_none_of_the_values_of_tests(tmp_path: Path):
    helm("package", str(CHART), f"--destination={tmp_path}")
    (package,) = tmp_path.iterdir()
    with tarfile.open(package) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"crds/akidjobs.akid.dev.yaml", "values.schema.json", "files/dashboard.json", "README.md"} <= names
    assert not any(name.startswith("ci/") for name in names)
    assert helm("show", "crds", str(package)) == helm("show", "crds", str(CHART))


def test_the_values_fit_on_two_pages():
    assert len((CHART / "values.yaml").read_text().splitlines()) <= 120


def test_the_readme_tells_of_every_value():
    place = REPOSITORY / "scripts" / "chart_readme.py"
    spec = importlib.util.spec_from_file_location("chart_readme", place)
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text, page = (CHART / "values.yaml").read_text(), (CHART / "README.md").read_text()
    assert page == script.readme(page, text), "run `make chart`"
    said = script.told(text)
    assert [path for path, _ in script.leaves(VALUES, said) if path not in said] == []
