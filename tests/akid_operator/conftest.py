"""Fixtures: a control plane that knows AkidJobs, and an operator for the test's own namespace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster.api import ApiError
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import REPOSITORY, Jobs

CRD = REPOSITORY / "crds/akidjobs.akid.dev.yaml"


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
def hosted(akid_cluster: Cluster, namespace: str) -> Iterator[Hosted]:
    """An operator for the test's own namespace."""
    with Hosted(akid_cluster.kubeconfig, namespace) as operator:
        yield operator
