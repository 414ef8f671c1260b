"""Manifests for the tests of akid.job."""

from __future__ import annotations

import copy
from typing import Any

from akid.job import AkidJob, parse

KID: dict[str, Any] = {
    "sensor": {"source": {"type": "DigitsSource"}, "batch_size": 64},
    "brain": {"type": "LeNet"},
    "kongfu": {"type": "MomentumKongFu", "lr_scheme": {"name": "constant", "base_lr": 0.1}},
    "max_steps": 100,
}


def manifest(name: str = "digits", /, **spec: Any) -> dict[str, Any]:
    """A small valid AkidJob; `spec` replaces parts of its spec."""
    return {
        "apiVersion": "akid.dev/v1alpha1",
        "kind": "AkidJob",
        "metadata": {"name": name, "namespace": "lab", "uid": "job-uid", "generation": 1},
        "spec": {"kid": copy.deepcopy(KID), "image": "trainer:1", **spec},
    }


def job(name: str = "digits", /, **spec: Any) -> AkidJob:
    """A small valid AkidJob, parsed."""
    return parse(manifest(name, **spec))


def put(target: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the manifest with the value at a dotted path (`...` removes it)."""
    result = copy.deepcopy(target)
    *parents, last = path.split(".")
    place: Any = result
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return result
