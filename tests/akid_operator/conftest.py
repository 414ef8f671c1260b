"""Fixtures: a control plane that knows AkidJobs, and an operator for the test's own namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chart import collection, render
from cluster.api import ApiError
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import REPOSITORY, Jobs

CRD = REPOSITORY / "crds/akidjobs.akid.dev.yaml"
SIZE = {"storage": "1Gi"}


@pytest.fixture(scope="session")
def akid_cluster(cluster: Cluster) -> Cluster:
    """The shared control plane, with the CRD."""
    cluster.kubectl("apply", "-f", str(CRD))
    wait_for(lambda: _served(cluster), "AkidJobs are served")
    return cluster


def _served(cluster: Cluster) -> bool:
    """A new kind's storage answers 429 for a moment."""
    try:
        return cluster.admin.find("/apis/akid.dev/v1alpha1/akidjobs") is not None
    except ApiError as error:
        if error.status == 429:
            return False
        raise


@pytest.fixture
def jobs(akid_cluster: Cluster, namespace: str) -> Jobs:
    """The jobs of the test's own namespace."""
    return Jobs(akid_cluster, namespace)


@pytest.fixture
def kubeconfig(akid_cluster: Cluster, namespace: str) -> Path:
    """Of a service account that may do what the chart says, in the test's own namespace, and no more."""
    for manifest in render("rbac.yaml", namespace, watchNamespaces=[namespace]):
        akid_cluster.admin.create(collection(manifest), manifest)
    return akid_cluster.kubeconfig_as(namespace, "akid-operator")


@pytest.fixture
def host(kubeconfig: Path, namespace: str) -> Iterator[Callable[..., Hosted]]:
    """Makes operators for the test's namespace; each is started by `with`. None may ask for what is not its."""
    made: list[Hosted] = []

    def make(**options: Any) -> Hosted:
        made.append(Hosted(kubeconfig, namespace, **options))
        return made[-1]

    yield make
    assert [refused for operator in made for refused in operator.api.refused()] == []


@pytest.fixture
def hosted(host: Callable[..., Hosted]) -> Iterator[Hosted]:
    """A running operator for the test's own namespace."""
    with host() as operator:
        yield operator


@pytest.fixture
def claim(akid_cluster: Cluster, namespace: str) -> Iterator[str]:
    """A claim that is bound."""
    volumes, claims = "/api/v1/persistentvolumes", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    akid_cluster.admin.create(volumes, _volume(namespace))
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": SIZE}, "volumeName": namespace}
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "runs"}}
    akid_cluster.admin.create(claims, {**made, "spec": {**spec, "storageClassName": ""}})
    wait_for(lambda: akid_cluster.admin.get(f"{claims}/runs")["status"]["phase"] == "Bound", "it is bound")
    yield "runs"
    akid_cluster.admin.delete(f"{volumes}/{namespace}")


def _volume(name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteMany"], "capacity": SIZE, "hostPath": {"path": "/nowhere"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
