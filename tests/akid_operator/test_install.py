"""An installation in any order: the operator before the CRD, and the CRD taken away from under it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster.control import Cluster
from cluster.waiting import wait_for
from jobs import REPOSITORY, Jobs, job
from replicas import Operator

pytestmark = pytest.mark.cluster
CRD = str(REPOSITORY / "crds/akidjobs.akid.dev.yaml")


def test_the_operator_waits_for_the_crd_and_ends_when_it_is_gone(tmp_path: Path) -> None:
    with Cluster(node_count=1) as cluster:
        arguments = ("--no-leader-election", "--resync-seconds=2")
        with Operator(cluster.kubeconfig, tmp_path / "log", *arguments) as operator:
            wait_for(lambda: "waiting for crds/akidjobs.akid.dev.yaml" in operator.log, "it says what is missing")
            assert operator.get("/readyz") == ""
            cluster.kubectl("apply", "-f", CRD)
            operator.ready()
            jobs = Jobs(cluster, "default")
            jobs.create(job(plays={"run-for": "100ms"}))
            jobs.reach("Succeeded")
            cluster.kubectl("delete", "-f", CRD)
            wait_for(lambda: operator.ended() is not None, "it ends, to be started again", 30)
            assert operator.ended() == 1
            assert "the watches have ended" in operator.log
