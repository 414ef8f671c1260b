"""What a job's members and its other objects look like on the server."""

from __future__ import annotations

from typing import Any

from job.manifests import job
from job.scenes import TWO

from akid.job import Create, Member, ObjectRole, PodDefaults
from akid.job.api.engine import RoleName
from akid.job.objects.pods import place_of
from akid.job.objects.services_and_config import manifest

SIZE = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}


def pod(role: str = "worker", index: int = 0, /, **spec: Any) -> dict[str, Any]:
    described = job(**{"engine": TWO, **spec})
    member = Member(RoleName(role), index)
    settings = PodDefaults(image="default:1", env={"HTTP_PROXY": "p"})
    return manifest(described, Create(ObjectRole.MEMBER, 2, member), settings, place_of(described))


def other(kind: ObjectRole, /, **spec: Any) -> dict[str, Any]:
    described = job(**{"engine": TWO, **spec})
    return manifest(described, Create(kind, 2), PodDefaults(), place_of(described))


def trainer(pod_: dict[str, Any]) -> dict[str, Any]:
    return pod_["spec"]["containers"][0]


def env(pod_: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in trainer(pod_)["env"]}


def template(container: dict[str, Any] | None = None, /, **spec: Any) -> dict[str, Any]:
    return {"spec": {**spec, **({"containers": [container]} if container is not None else {})}}
