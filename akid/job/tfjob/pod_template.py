"""A pod template of a TFJob as one of an AkidJob: the same program, under the names that AkidJobs look for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from akid.job.tfjob.notes import Json, Notes, items, mapping

CONTAINER, PORT = "tensorflow", "tfjob-port"
KEPT_METADATA = ("labels", "annotations")
# What a TFJob's pods have by default, and an AkidJob's have not.
POD_SECURITY: Json = {"runAsNonRoot": False}
CONTAINER_SECURITY: Json = {"allowPrivilegeEscalation": True, "capabilities": {"drop": []}}


def template_of(path: str, given: Json, notes: Notes) -> Json:
    """The template.

    Args:
        path: where it stands.
        given: a PodTemplateSpec.
        notes: of what becomes of it.
    """
    metadata, spec = mapping(given.get("metadata")), mapping(_without_nulls(given.get("spec")))
    for name in metadata:
        if name not in (*KEPT_METADATA, "creationTimestamp"):
            notes.warn(f"{path}.metadata.{name}", "left out: the operator names the pods.")
    containers = items(spec.get("containers"))
    if not containers:
        notes.refuse(f"{path}.spec.containers", "there are none.")
    spec.pop("restartPolicy", None)  # of the replicas
    for number, volume in enumerate(items(spec.get("volumes"))):
        if "glusterfs" in volume:
            text = "Kubernetes 1.26 and later have no such volume; use a claim on a CSI driver."
            notes.refuse(f"{path}.spec.volumes[{number}].glusterfs", text)
    spec["containers"] = [_container(container, len(containers)) for container in containers]
    spec["securityContext"] = {**POD_SECURITY, **mapping(spec.get("securityContext"))}
    kept = {name: metadata[name] for name in KEPT_METADATA if metadata.get(name)}
    return {**({"metadata": kept} if kept else {}), "spec": spec}


def _container(given: Json, containers: int) -> Json:
    if containers > 1 and given.get("name") != CONTAINER:
        return given
    result = {**given, "securityContext": {**CONTAINER_SECURITY, **mapping(given.get("securityContext"))}}
    if containers > 1:
        result["name"] = "trainer"
    if "command" not in given and "args" not in given:
        result["args"] = []  # the image's own entry point, not akid's trainer
    if "ports" in given:
        result["ports"] = [_port(port) for port in items(given["ports"])]
    return result


def _port(port: Json) -> Json:
    return {**port, "name": "tf"} if port.get("name") == PORT else port


def _without_nulls(value: Any) -> Any:
    """A value as the API server would have it."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(inner) for name, inner in mapping(cast("Json", value)).items()}
    return [_without_nulls(inner) for inner in cast("list[Any]", value)] if isinstance(value, list) else value
