"""What the driver's page shows is what the driver takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import akid_csi
import yaml
from akid_csi import allow, attributes
from akid_csi.__main__ import NAME, parser

PAGE = (Path(akid_csi.__file__).parent / "README.md").read_text()
DOCUMENTS: list[dict[str, Any]] = [
    document
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for document in yaml.safe_load_all(block)
]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [document for document in DOCUMENTS if document.get("kind") == kind]
    return found


def test_the_allow_list_permits_the_volumes_that_are_shown() -> None:
    rules = allow.parsed(of_kind("ConfigMap")["data"]["allow.json"])
    (inline,) = [document["volumes"][0]["csi"] for document in DOCUMENTS if "volumes" in document]
    static = of_kind("PersistentVolume")["spec"]["csi"]
    for volume, read_only in ((inline, True), (static, False)):
        assert volume["driver"] == NAME
        allow.granted(rules, "ml", attributes.wanted(volume["volumeAttributes"], read_only=read_only))


def test_every_attribute_and_field_has_a_line() -> None:
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
    assert {*attributes.KNOWN, *allow.KNOWN} <= listed


def test_the_objects_fit_the_drivers_defaults() -> None:
    assert of_kind("CSIDriver")["metadata"]["name"] == NAME
    assert of_kind("CSIDriver")["spec"]["podInfoOnMount"] is True
    pod = of_kind("DaemonSet")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    places = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert parser().parse_args([]).allow.parent == Path(places["allow"]["mountPath"])
    assert places["kubelet"]["mountPropagation"] == "Bidirectional"
