"""charts/akid-operator/README.md: whoever has rights to some namespaces only installs the operator for these."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from chart import CHART
from cluster.control import Cluster
from docs.fences import fences_in
from installation import typed
from jobs import Jobs, job
from replicas import Operator

pytestmark = pytest.mark.cluster
OPS = "ops"
WATCHED: list[str] = yaml.safe_load((CHART / "ci/namespaced-values.yaml").read_text())["watchNamespaces"]


def test_an_admin_of_some_namespaces_installs_it_once_an_administrator_has_given_it_its_rights(tmp_path: Path):
    _, administrator, admin, _ = [fence.code for fence in fences_in(CHART / "README.md")]
    with Cluster() as cluster:
        grant = ("create", "rolebinding", "admin", "--clusterrole=admin", "--user=olivia")
        for namespace in (OPS, *WATCHED):
            cluster.kubectl("create", "namespace", namespace)
            cluster.kubectl(*grant, "-n", namespace)
        typed(cluster, tmp_path, administrator)
        told = typed(cluster, tmp_path, admin, HELM_KUBEASUSER="olivia")
        assert "STATUS: deployed" in told
        options = [f"--lease-namespace={OPS}", *(f"--namespace={namespace}" for namespace in WATCHED)]
        with Operator(cluster.kubeconfig_as(OPS, "akid-operator"), tmp_path / "log", *options) as operator:
            operator.ready()
            jobs = Jobs(cluster, WATCHED[0])
            jobs.create(job())
            jobs.reach("Running")
