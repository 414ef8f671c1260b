"""What the TensorBoard of a job is made of."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import job, manifest
from job.scenes import OBJECTS, T0, TWO, running, seen

from akid.job import Observed, PodDefaults, decide
from akid.job.board import board_content

GLUSTER = {"servers": ["10.0.0.1"], "volume": "rep3", "path": "runs"}
CLAIM = {"claimName": "logs"}
RUN = "lab/digits-job-uid"


def made(log: dict[str, Any] = CLAIM, peers: Any = None, **spec: Any) -> dict[str, dict[str, Any]]:
    """The parts by their kind, of a job of two that runs."""
    asked = {"engine": TWO, "volumes": {"log": log}, "tensorboard": {}} | spec
    raw = manifest(**asked) | {"status": running(**asked)}
    observed = Observed(members=(seen("worker-0"), seen("worker-1")), objects=OBJECTS)
    decision = decide(raw, observed, T0, PodDefaults("default:1", status_peers=peers))
    assert len(decision.manifests) == len(decision.plan.create)
    return {part["kind"]: part for part in decision.manifests}


def pod(**facts: Any) -> dict[str, Any]:
    return made(**facts)["Deployment"]["spec"]["template"]


def container(**facts: Any) -> dict[str, Any]:
    (only,) = pod(**facts)["spec"]["containers"]
    return only


def test_they_are_the_jobs_and_go_with_it():
    parts = made(peers=())
    assert sorted(parts) == ["Deployment", "NetworkPolicy", "Service"]
    for part in parts.values():
        metadata = part["metadata"]
        assert (metadata["name"], metadata["namespace"]) == ("digits-tensorboard", "lab")
        (owner,) = metadata["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == ("job-uid", True)
        assert metadata["labels"]["akid.dev/job"] == "digits"


def test_its_pod_is_no_member_and_is_found_by_the_service_and_the_policy():
    parts = made(peers=())
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert "akid.dev/job" not in labels
    for selector in (
        parts["Deployment"]["spec"]["selector"]["matchLabels"],
        parts["Service"]["spec"]["selector"],
        parts["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    named = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert parts["Service"]["spec"]["ports"] == [
        {"name": "tensorboard", "port": 6006, "targetPort": "tensorboard"}
    ]
    assert named == {"tensorboard": 6006}


def test_pods_of_the_namespace_reach_it_where_jobs_are_shut_off_and_nobody_else():
    (rule,) = made(peers=())["NetworkPolicy"]["spec"]["ingress"]
    assert rule == {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": "tensorboard"}]}
    assert "NetworkPolicy" not in made()


@pytest.mark.parametrize(
    ("log", "volume", "place"),
    [
        (CLAIM, {"persistentVolumeClaim": {"claimName": "logs"}}, "/akid/log"),
        ({"hostPath": {"path": "/runs"}}, {"hostPath": {"path": "/runs"}}, "/akid/log"),
    ],
    ids=["claim", "hostPath"],
)
def test_it_reads_the_log_volume_beside_the_chief(log: dict[str, Any], volume: dict[str, Any], place: str):
    spec = pod(log=log)["spec"]
    assert spec["volumes"][0] == {"name": "akid-log", **volume}
    (mount,) = [each for each in container(log=log)["volumeMounts"] if each["name"] == "akid-log"]
    assert (mount["mountPath"], mount["readOnly"]) == (place, True)
    assert f"--logdir=/akid/log/{RUN}/events" in container(log=log)["command"]
    (near,) = spec["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert near["podAffinityTerm"]["labelSelector"] == {"matchLabels": {"akid.dev/chief": "digits"}}


def test_of_glusterfs_it_has_the_run_directory_and_cannot_write():
    spec = pod(log={"glusterfs": GLUSTER})["spec"]
    source = spec["volumes"][0]["csi"]
    assert (source["readOnly"], source["volumeAttributes"]["subDir"]) == (True, f"runs/{RUN}")
    mount = {"name": "akid-log", "mountPath": f"/akid/log/{RUN}", "readOnly": True}
    assert {**mount, "mountPropagation": "HostToContainer"} in container(log={"glusterfs": GLUSTER})[
        "volumeMounts"
    ]
    assert "affinity" not in spec


def test_it_passes_the_restricted_standard_and_writes_nowhere_but_in_tmp():
    spec = pod()["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    security = container()["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    writable = [mount["mountPath"] for mount in container()["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/tmp"]


def test_it_runs_where_the_chief_may_but_has_none_of_its_gpus_and_side_cars():
    chief = {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "securityContext": {"runAsUser": 7},
        "containers": [
            {
                "name": "trainer",
                "resources": {"limits": {"memory": "64Gi"}},
                "imagePullPolicy": "Always",
                "securityContext": {"runAsGroup": 8, "capabilities": {"add": ["SYS_NICE"]}},
            },
            {"name": "side-car", "image": "b"},
        ],
    }
    facts: dict[str, Any] = {"template": {"spec": chief}, "engine": {**TWO, "gpusPerWorker": 2}}
    spec = pod(**facts)["spec"]
    assert {name: spec[name] for name in ("nodeSelector", "tolerations", "affinity")} == {
        name: chief[name] for name in ("nodeSelector", "tolerations", "affinity")
    }
    assert spec["securityContext"]["runAsUser"] == 7
    only = container(**facts)
    assert only["imagePullPolicy"] == "Always"
    assert only["securityContext"]["runAsGroup"] == 8
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert only["resources"] == {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}


def test_its_image_and_resources_may_be_given():
    resources = {"requests": {"cpu": "1"}, "limits": {"memory": "4Gi"}}
    only = container(tensorboard={"image": "boards:1", "resources": resources})
    assert (only["image"], only["resources"]) == ("boards:1", resources)
    assert container()["image"] == "trainer:1"
    assert container(image=None)["image"] == "default:1"


def test_of_a_program_of_the_images_own_it_reads_the_whole_run_directory():
    own = {
        "kid": None,
        "template": {"spec": {"containers": [{"command": ["python", "a.py"]}]}},
        "runPolicy": {"restartStrategy": "Recreate"},
    }
    assert f"--logdir=/akid/log/{RUN}" in container(**own)["command"]


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ({}, True),
        ({"tensorboard": {"ttlSecondsAfterFinished": 5}}, True),
        ({"tensorboard": {"image": "boards:1"}}, False),
        ({"tensorboard": {"resources": {"limits": {"memory": "4Gi"}}}}, False),
        ({"image": "trainer:2"}, False),
        ({"template": {"spec": {"nodeSelector": {"a": "b"}}}}, False),
        ({"runPolicy": {"maxRestarts": 9}}, True),
    ],
    ids=["nothing", "its time", "its image", "its resources", "the job's image", "the template", "a limit"],
)
def test_only_what_it_is_made_of_makes_it_another(spec: dict[str, Any], same: bool):
    before = {"volumes": {"log": CLAIM}, "tensorboard": {}}
    assert (board_content(job(**before)) == board_content(job(**before | spec))) is same
