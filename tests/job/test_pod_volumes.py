"""Volumes of pods, of every kind, and where in them a job writes."""

from __future__ import annotations

from typing import Any

import pytest
from job.rendered import SIZE, env, other, pod, trainer

from akid.job import ObjectRole


@pytest.mark.parametrize(
    ("volume", "source"),
    [
        ({"claimName": "sets"}, {"persistentVolumeClaim": {"claimName": "sets"}}),
        (
            {"claimName": "sets", "readOnly": True},
            {"persistentVolumeClaim": {"claimName": "sets", "readOnly": True}},
        ),
        ({"claimTemplate": {"spec": SIZE}}, {"persistentVolumeClaim": {"claimName": "digits-data"}}),
        ({"hostPath": {"path": "/mnt"}}, {"hostPath": {"path": "/mnt"}}),
        ({"emptyDir": {"sizeLimit": "1Gi"}}, {"emptyDir": {"sizeLimit": "1Gi"}}),
        (
            {
                "glusterfs": {
                    "servers": ["10.0.0.1", "b"],
                    "volume": "rep3",
                    "path": "/sets/a/",
                    "readOnly": True,
                }
            },
            {
                "csi": {
                    "driver": "gluster.csi.akid.dev",
                    "readOnly": True,
                    "volumeAttributes": {
                        "servers": "10.0.0.1,b",
                        "volume": "rep3",
                        "subDir": "sets/a",
                        "gid": "10001",
                    },
                }
            },
        ),
        (None, {"emptyDir": {}}),
    ],
)
def test_every_kind_of_volume(volume: dict[str, Any] | None, source: dict[str, Any]):
    described = pod(volumes={"data": volume} if volume else {})
    assert {"name": "akid-data", **source} in described["spec"]["volumes"]


GLUSTER = {"glusterfs": {"servers": ["a"], "volume": "v", "path": "runs"}}


def test_of_a_gluster_volume_a_pod_sees_its_own_run_directory_alone():
    described = pod(volumes={"log": GLUSTER})
    (log,) = [volume for volume in described["spec"]["volumes"] if volume["name"] == "akid-log"]
    assert log["csi"]["volumeAttributes"]["subDir"] == "runs/lab/digits-job-uid"
    assert env(described)["AKID_LOG_DIR"] == "/akid/log/lab/digits-job-uid"
    # What the driver mounts anew after its restart has to get into the container.
    mount = {
        "name": "akid-log",
        "mountPath": "/akid/log/lab/digits-job-uid",
        "mountPropagation": "HostToContainer",
    }
    assert mount in trainer(described)["volumeMounts"]


@pytest.mark.parametrize(
    ("volume", "propagation"),
    [
        (GLUSTER, "HostToContainer"),
        ({"claimName": "a"}, None),  # a directory on a mount that is not shared has none
        ({"claimTemplate": {"spec": SIZE}}, None),
        ({"hostPath": {"path": "/a"}}, None),
        (None, None),
    ],
)
def test_what_a_driver_mounts_anew_gets_into_the_container(volume: dict[str, Any] | None, propagation: str | None):
    mounts = trainer(pod(volumes={"data": volume} if volume else {}))["volumeMounts"]
    (data,) = [mount for mount in mounts if mount["name"] == "akid-data"]
    assert data.get("mountPropagation") == propagation


def test_run_directories_of_namespaces_and_of_jobs_of_a_name_are_apart_unless_one_is_resumed():
    claim = {"log": {"claimName": "runs"}}
    assert env(pod(volumes=claim))["AKID_LOG_DIR"] == "/akid/log/lab/digits-job-uid"
    resumed = pod(volumes={"log": GLUSTER | {"resumeFrom": "digits-0a1b2c3d"}})
    assert env(resumed)["AKID_LOG_DIR"] == "/akid/log/lab/digits-0a1b2c3d"
    assert env(resumed)["AKID_RESUME_FROM"] == "digits-0a1b2c3d"
    assert "AKID_RESUME_FROM" not in env(pod(volumes=claim))


def test_made_directories_belong_to_the_user_and_group_of_the_pod():
    described = pod(
        volumes={"log": GLUSTER}, template={"spec": {"securityContext": {"runAsUser": 500, "fsGroup": 600}}}
    )
    (log,) = [volume for volume in described["spec"]["volumes"] if volume["name"] == "akid-log"]
    assert log["csi"]["volumeAttributes"].items() >= {"uid": "500", "gid": "600"}.items()


def test_a_read_only_volume_is_mounted_read_only():
    mounts = trainer(pod(volumes={"data": {"claimName": "a", "readOnly": True}}))["volumeMounts"]
    (data,) = [mount for mount in mounts if mount["name"] == "akid-data"]
    assert (data["mountPath"], data["readOnly"]) == ("/akid/data", True)


def test_a_claim_is_made_from_its_template():
    described = other(ObjectRole.LOG_CLAIM, volumes={"log": {"claimTemplate": {"spec": SIZE}}})
    assert described["kind"] == "PersistentVolumeClaim"
    assert described["spec"] == SIZE
