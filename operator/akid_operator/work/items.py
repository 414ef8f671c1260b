"""What is read off raw objects: whose they are, which ones, how old."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from akid.job.names import HASH_ANNOTATION
from akid_operator.kube.api import Json


class Key(NamedTuple):
    """A job's namespace and name."""

    namespace: str
    name: str


def key_of(job: Mapping[str, Any]) -> Key:
    """The key of an AkidJob."""
    return Key(job["metadata"]["namespace"], job["metadata"]["name"])


def uid_of(item: Mapping[str, Any]) -> str:
    """An object's UID."""
    return item["metadata"]["uid"]


def version_of(item: Mapping[str, Any]) -> int:
    """An object's (or a list's) resourceVersion; they grow with time (KEP-5504)."""
    text = str(item["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0


def owner_of(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """(name, UID) of the AkidJob that controls an object."""
    for reference in item["metadata"].get("ownerReferences", ()):
        if reference.get("kind") == "AkidJob" and reference.get("controller"):
            return reference["name"], reference["uid"]
    return None


def slim(job: Json) -> Json:
    """A job without the record of who set which field, which is as large as the job."""
    return {**job, "metadata": {name: value for name, value in job["metadata"].items() if name != "managedFields"}}


def content_of(item: Mapping[str, Any]) -> str:
    """The hash of what an object was made from; empty if it does not say."""
    return str(item["metadata"].get("annotations", {}).get(HASH_ANNOTATION, ""))
