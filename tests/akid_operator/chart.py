"""The chart, rendered by helm."""

from __future__ import annotations

import json
from typing import Any

import yaml
from cluster.helm import helm
from jobs import REPOSITORY

CHART = REPOSITORY / "charts/akid-operator"


def render(template: str, namespace: str, **values: Any) -> list[dict[str, Any]]:
    """The manifests of a template, with values over the chart's own; of all templates if it is empty."""
    only = [f"--show-only=templates/{template}"] if template else []
    arguments = ["template", "akid", str(CHART), f"--namespace={namespace}", *only, "--values=-"]
    rendered = helm(*arguments, stdin=json.dumps(values))
    return [manifest for manifest in yaml.safe_load_all(rendered) if manifest]


def collection(manifest: dict[str, Any]) -> str:
    """Where a manifest is created."""
    version = manifest["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = manifest["metadata"].get("namespace")
    return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{manifest['kind'].lower()}s"
