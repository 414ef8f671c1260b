"""The pod that reads a log volume, on a real server: taken where Pod Security is strict, and taken away again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

from akid.cli import main

pytestmark = pytest.mark.cluster

STRICT = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
SIZE = {"storage": "1Gi"}


def volume(name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteMany"], "capacity": SIZE, "hostPath": {"path": "/nowhere"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def claim(akid_cluster: Cluster, namespace: str) -> Iterator[str]:
    """A claim that is bound."""
    volumes, claims = "/api/v1/persistentvolumes", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    akid_cluster.admin.create(volumes, volume(namespace))
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": SIZE}, "volumeName": namespace}
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "runs"}}
    akid_cluster.admin.create(claims, {**made, "spec": {**spec, "storageClassName": ""}})
    wait_for(lambda: akid_cluster.admin.get(f"{claims}/runs")["status"]["phase"] == "Bound", "it is bound")
    yield "runs"
    akid_cluster.admin.delete(f"{volumes}/{namespace}")


def test_the_logs_of_pods_that_are_gone_take_a_pod_for_a_moment(
    jobs: Jobs,
    hosted: Hosted,
    claim: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jobs.api.patch(f"/api/v1/namespaces/{jobs.namespace}", STRICT)
    jobs.create(
        job(plays={"run-for": "1ms"}, policy={"cleanPodPolicy": "All"}, volumes={"log": {"claimName": claim}})
    )
    jobs.reach("Succeeded")
    wait_for(lambda: not jobs.names("pods"), "its pods are gone")
    monkeypatch.setenv("PATH", f"{Path(jobs.cluster.layout.program('kubectl')).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(jobs.cluster.kubeconfig))
    assert main(["logs", "digits", "-n", jobs.namespace]) == 1
    # The nodes are played: a pod runs there, but nothing can be run in it.
    assert "kubectl exec failed: " in capsys.readouterr().err
    wait_for(lambda: not jobs.names("pods"), "it is taken away")
    about = [call.path for call in hosted.api.sent if call.writes and "digits-logs-" in call.path]
    assert about == [], "the operator has nothing to do with it"
