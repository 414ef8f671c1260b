"""Kinds of volumes that the operator is told to allow."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import manifest
from job.scenes import OBJECTS, T0, TWO, running, seen
from job.test_decide import reason

from akid.job import Observed, Plan, PodDefaults, decide

SAFE = PodDefaults(allowed_volumes=frozenset({"configMap", "emptyDir", "persistentVolumeClaim"}))
HOST = {"hostPath": {"path": "/data"}}


def inside(*volumes: dict[str, Any]) -> dict[str, Any]:
    """A template with these volumes."""
    return {"spec": {"volumes": [{"name": f"v{index}", **volume} for index, volume in enumerate(volumes)]}}


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"volumes": {"log": HOST}}, "spec.volumes.log"),
        ({"volumes": {"data": HOST, "log": {"claimName": "c"}}}, "spec.volumes.data"),
        ({"template": inside({"emptyDir": {}}, HOST)}, "spec.template.spec.volumes[1]"),
        ({"template": inside({"emptyDir": None, **HOST})}, "spec.template.spec.volumes[0]"),
        ({"template": inside({"nfs": {"server": "s", "path": "/"}})}, "spec.template.spec.volumes[0]"),
        ({"roles": {"worker": {"template": inside(HOST)}}}, "spec.roles.worker.template.spec.volumes[0]"),
    ],
)
def test_a_volume_of_a_kind_that_is_not_allowed_fails_the_job(spec: dict[str, Any], place: str):
    plan = decide(manifest(**spec), Observed(), T0, SAFE).plan
    assert (reason(plan), plan.create) == ("InvalidTemplate", ())
    assert f"{place}: jobs may not have volumes of this kind on this cluster." in str(plan.status)
    assert "Allowed: configMap, emptyDir, persistentVolumeClaim." in str(plan.status)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"engine": TWO},
        {"volumes": {"data": {"claimName": "c"}, "log": {"emptyDir": {}}}},
        {"template": inside({}, {"configMap": {"name": "c"}})},
        {"roles": {"ps": {"template": inside(HOST)}}},
    ],
    ids=[
        "none",
        "the operator's own, a Secret among them",
        "allowed",
        "one that says nothing",
        "a role without pods",
    ],
)
def test_other_volumes_are_made(spec: dict[str, Any]):
    assert decide(manifest(**spec), Observed(), T0, SAFE).plan.create


def test_every_kind_is_allowed_unless_some_are_named():
    assert decide(manifest(volumes={"log": HOST}), Observed(), T0, PodDefaults()).plan.create


def test_pods_that_run_are_left_alone():
    raw = manifest(engine=TWO, volumes={"log": HOST}) | {"status": running()}
    both = Observed(members=(seen("worker-0"), seen("worker-1")), objects=OBJECTS)
    assert decide(raw, both, T0, SAFE).plan == Plan()
