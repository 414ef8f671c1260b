"""The chart's templates without helm: the few forms of its language that they use, by way of jinja2."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import yaml
from jobs import REPOSITORY

CHART = REPOSITORY / "charts/akid-operator"
FORMS = (
    (r"if (.+)", r"% if \1 %"),
    (r"else", r"% else %"),
    (r"range (.+)", r"% for item in \1 %"),
)


def render(template: str, namespace: str, **values: Any) -> list[dict[str, Any]]:
    """The manifests of a template, with values over the chart's own."""
    given = {**yaml.safe_load((CHART / "values.yaml").read_text()), **values}
    text = _jinja((CHART / "templates" / template).read_text())
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=False)
    rendered = environment.from_string(text).render(
        Values=given, Release={"Namespace": namespace}, file=lambda name: (CHART / name).read_text()
    )
    return [manifest for manifest in yaml.safe_load_all(rendered) if manifest]


def collection(manifest: dict[str, Any]) -> str:
    """Where a manifest is created."""
    version = manifest["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = manifest["metadata"].get("namespace")
    return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{manifest['kind'].lower()}s"


def _jinja(text: str) -> str:
    """From Go's template language to jinja2's."""
    ends: list[str] = []
    return re.sub(r"\{\{(-?) *(.*?) *(-?)\}\}", lambda match: _tag(match, ends), text)


def _tag(match: re.Match[str], ends: list[str]) -> str:
    inner = re.sub(r'\$?\.Files\.Get ("[^"]+")', r"file(\1)", match[2])
    inner = re.sub(r"(?<![\w)])\$?\.(?=[A-Z])", "", inner)
    word = inner.split()[0]
    if word in ("if", "range"):
        ends.append({"if": "endif", "range": "endfor"}[word])
    if word == "end":
        return f"{{%{match[1]} {ends.pop()} {match[3]}%}}"
    for form, tag in FORMS:
        if re.fullmatch(form, inner):
            return "{" + re.sub(form, tag, inner).replace("% ", f"%{match[1]} ", 1) + "}"
    return "{{" + ("item" if inner == "." else inner) + "}}"
