"""The CustomResourceDefinition of AkidJob, generated from its models: `make crds` writes it."""

from __future__ import annotations

from typing import Any

from akid.job.api.job import GROUP, KIND, MAX_NAME, NAME, PLURAL, VERSION, Spec
from akid.job.api.status import Status
from akid.job.crd.rules import RULES, Rule
from akid.job.crd.schema import Schema, structural
from akid.job.manifest import dialect

HEADER = "# Generated from akid/job/api/ by `make crds`; change it there.\n"
# (title, type, JSON path, priority, what it is)
COLUMNS = [
    ("Engine", "string", ".spec.engine.name", 0, "Where it trains."),
    ("State", "string", ".status.state", 0, "The condition that matters now."),
    ("Ready", "string", ".status.ready", 0, "Ready pods of all."),
    ("Step", "integer", ".status.progress.step", 0, "Steps trained."),
    ("Loss", "number", ".status.progress.loss", 0, "Last training loss."),
    # Not a date: of those, kubectl shows the age, and calls one that is still to come invalid.
    ("ETA", "string", ".status.progress.eta", 0, "When the training should end."),
    ("Restarts", "integer", ".status.restarts", 0, "Counted restarts."),
    ("Age", "date", ".metadata.creationTimestamp", 0, "Since its creation."),
    ("Val-Loss", "number", ".status.progress.valLoss", 1, "Last validation loss."),
    ("Trials", "string", ".status.trials.finished", 1, "Trials of a tuning that are over, of all."),
    ("Best", "number", ".status.best.value", 1, "The best value of a tuning's objective."),
    # Last, since it is as long as it needs to be.
    ("Reason", "string", ".status.message", 0, "Why it does not run, or why it failed."),
]
# What jobs can be selected by: the operator leaves out the finished ones, but for those it has still to do with.
SELECTABLE = (
    ".status.state",
    ".spec.engine.name",
    ".spec.runPolicy.ttlSecondsAfterFinished",
    ".spec.runPolicy.cleanPodPolicy",
    ".spec.tensorboard.enabled",
)
# Parts that are filled with their defaults when absent, so that rules can look at them.
FILLED = ("engine", "runPolicy")


def crd() -> dict[str, Any]:
    """The CustomResourceDefinition as a manifest."""
    names = {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": KIND.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": names | {"shortNames": ["aj", "kid"], "categories": ["all", "akid"]},
            "scope": "Namespaced",
            "versions": [_version()],
        },
    }


def to_yaml() -> str:
    """The CRD as the text of its file."""
    return HEADER + dialect.write(crd(), width=110)


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema()},
        "selectableFields": [{"jsonPath": path} for path in SELECTABLE],
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.engine.workers",
                "statusReplicasPath": ".status.workers",
                "labelSelectorPath": ".status.selector",
            },
        },
        # Without what the server leaves out (a priority of 0): else what it holds never equals the file.
        "additionalPrinterColumns": [
            {"name": name, "type": kind, "jsonPath": path, "description": text}
            | ({"priority": priority} if priority else {})
            for name, kind, path, priority, text in COLUMNS
        ],
    }


def schema() -> Schema:
    """The structural schema of an AkidJob with its CEL rules."""
    name = {"type": "string", "maxLength": MAX_NAME, "pattern": NAME}
    text = "A Kid that trains on a cluster, or with the same file on any machine."
    whole: Schema = {
        "type": "object",
        "description": text,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"{KIND}."},
            "metadata": {"type": "object", "properties": {"name": name}},
            "spec": structural(Spec),
            "status": structural(Status, defaults=False),
        },
    }
    for part in FILLED:
        filled = _at(whole, f"spec.{part}")
        fields = filled["properties"].items()
        filled["default"] = {name: field["default"] for name, field in fields if "default" in field}
    for rule in RULES:
        _at(whole, rule.at).setdefault("x-kubernetes-validations", []).append(_validation(rule))
    return whole


def _at(whole: Schema, path: str) -> Schema:
    place = whole
    for part in path.split("."):
        place = place["properties"][part]
    return place


def _validation(rule: Rule) -> dict[str, str]:
    validation = {"rule": rule.rule, "message": rule.message}
    return validation | ({"fieldPath": f".{rule.field}"} if rule.field else {})
