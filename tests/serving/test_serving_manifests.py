"""The manifests of examples/serving: their commands are akid's, and their probes ask paths that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from starlette.routing import Match

from akid.cli import _parser
from akid.serving.app import Handlers
from akid.serving.service import Service

DIRECTORY = Path(__file__).parents[2] / "examples" / "serving"
FILES = sorted(DIRECTORY.glob("*.yaml"))


def pod_of(file: Path) -> dict[str, Any]:
    """The spec of the pods of a manifest."""
    spec = next(iter(yaml.safe_load_all(file.read_text(encoding="utf-8"))))["spec"]
    return spec["template"]["spec"] if "template" in spec else spec["predictor"]


class FakeService:
    store = None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_manifest_serves_at_the_port_it_names(file):
    (container,) = pod_of(file)["containers"]
    options = _parser().parse_args(container["args"])
    assert container["command"] == ["akid"]
    assert (options.port, options.host) == (container["ports"][0]["containerPort"], "0.0.0.0")
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod_of(file)["volumes"]}
    assert options.directory.is_relative_to(mounts["runs"]["mountPath"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_probes_ask_what_there_is(file):
    (container,) = pod_of(file)["containers"]
    routes = Handlers(cast(Service, FakeService())).routes()
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        if name in container:
            scope = {"type": "http", "method": "GET", "path": container[name]["httpGet"]["path"]}
            assert any(route.matches(scope)[0] is Match.FULL for route in routes), scope


def test_the_service_leads_to_the_pods():
    deployment, service = yaml.safe_load_all((DIRECTORY / "deployment.yaml").read_text(encoding="utf-8"))
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    names = [port["name"] for port in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]]
    assert service["spec"]["ports"][0]["targetPort"] in names
