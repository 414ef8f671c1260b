"""From a TFJob to an AkidJob without a kid: the same images, found by TF_CONFIG, all restarted together."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from akid.errors import InvalidSpecError
from akid.job.api.job import API_VERSION, KIND
from akid.job.manifest.load import parse
from akid.job.manifest.problems import InvalidManifestError
from akid.job.tfjob.notes import Json, Note, Notes, mapping
from akid.job.tfjob.pod_template import template_of
from akid.job.tfjob.replicas import Shape, replicas_of, shape_of
from akid.job.tfjob.run_policy import POLICY, QUEUE_LABEL, run_policy_of, scheduling_of

VERSIONS = ("v1alpha1", "v1alpha2", "v1beta1", "v1beta2", "v1")
SPEC = ("tfReplicaSpecs", "replicaSpecs", "runPolicy", "successPolicy", "enableDynamicWorker", *POLICY)
KEPT_METADATA = ("name", "namespace", "labels", "annotations")
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class Conversion:
    """What became of a TFJob.

    Args:
        manifest: the AkidJob; valid unless something essential is missing.
        notes: what was not carried over as it is.
    """

    manifest: Json
    notes: tuple[Note, ...]

    @property
    def complete(self) -> bool:
        """Whether all that is essential was carried over."""
        return not any(note.essential for note in self.notes)


def convert(given: Mapping[str, Any]) -> Conversion:
    """An AkidJob that runs the programs of a TFJob.

    Args:
        given: the manifest of a TFJob, of any version.

    Raises:
        InvalidSpecError: it is no TFJob.
    """
    group, _, version = str(given.get("apiVersion", "")).partition("/")
    if given.get("kind") != "TFJob":
        raise InvalidSpecError("kind", f"expected 'TFJob', received {given.get('kind')!r}.")
    if group != "kubeflow.org" or version not in VERSIONS:
        versions = ", ".join(f"kubeflow.org/{name}" for name in VERSIONS)
        raise InvalidSpecError("apiVersion", f"expected one of {versions}, received {given.get('apiVersion')!r}.")
    notes, spec, metadata = Notes(), mapping(given.get("spec")), mapping(given.get("metadata"))
    notes.unknown("spec", spec, (*SPEC, "tfImage", "RuntimeId", "terminationPolicy"))
    replicas = replicas_of(spec, notes)
    shape = shape_of(replicas, notes)
    scheduling = scheduling_of(spec, metadata, replicas, notes)
    wanted: Json = {
        "engine": shape.engine,
        **_templates(shape, notes),
        "runPolicy": run_policy_of(spec, replicas, notes),
        **({"scheduling": scheduling} if scheduling else {}),
    }
    head = {"apiVersion": API_VERSION, "kind": KIND, "metadata": _metadata(metadata, notes)}
    manifest = {**head, "spec": wanted}
    _tell_of_names(manifest, notes)
    if not any(note.essential for note in notes.all):
        _check(manifest, notes)
    return Conversion(manifest, tuple(notes.all))


def _metadata(given: Json, notes: Notes) -> Json:
    if "name" not in given:
        notes.refuse("metadata.name", "there is none; an AkidJob has a name, and no generateName.")
    result = {name: given[name] for name in KEPT_METADATA if name in given}
    for kind in ("labels", "annotations"):
        kept = {name: v for name, v in mapping(given.get(kind)).items() if name not in (QUEUE_LABEL, APPLIED)}
        result = {**result, kind: kept} if kept else {name: v for name, v in result.items() if name != kind}
    return result


def _templates(shape: Shape, notes: Notes) -> Json:
    """spec.template, the workers', and those of the roles that differ from it."""
    if not shape.templates:
        return {}
    common = shape.templates.get("worker") or next(iter(shape.templates.values()))
    converted: dict[int, Json] = {}
    for one in {id(replicas): replicas for replicas in shape.templates.values()}.values():
        converted[id(one)] = template_of(f"{one.path}.template", one.template, notes)
    text = "as a TFJob's, the pods may run as root, with the usual capabilities; leave that out if they need not."
    notes.warn(f"{common.path}.template.spec.securityContext", text)
    template = converted[id(common)]
    roles = {
        role: {"template": converted[id(one)]}
        for role, one in shape.templates.items()
        if converted[id(one)] != template
    }
    return {"template": template, **({"roles": roles} if roles else {})}


def _tell_of_names(manifest: Json, notes: Notes) -> None:
    """Programs that name other members by themselves look for Services that are not there."""
    name, written = str(manifest["metadata"].get("name", "")), json.dumps(manifest["spec"])
    found = re.search(rf"\b{re.escape(name)}-(chief|master|worker|ps|evaluator)-\d+\b", written) if name else None
    if found:
        text = f"names the member {found[0]}; here its address is {found[0]}.{name}."
        notes.warn("spec.tfReplicaSpecs", text)


def _check(manifest: Json, notes: Notes) -> None:
    """See that the server would take it."""
    try:
        parse(manifest)
    except InvalidManifestError as error:
        for problem in error.problems:
            notes.refuse(problem.path, f"(of the AkidJob) {problem.problem} {problem.hint}".rstrip())
