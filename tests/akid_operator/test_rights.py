"""The chart's rights are enough, and no more than is used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chart import collection, render
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster
RBAC = "rbac.yaml"


@pytest.fixture
def everywhere(akid_cluster: Cluster) -> Iterator[Hosted]:
    """An operator for all namespaces, with the chart's ClusterRole."""
    admin = akid_cluster.admin
    with akid_cluster.namespace("ops") as namespace:
        manifests = render(RBAC, namespace)
        for manifest in manifests:
            admin.create(collection(manifest), manifest)
        try:
            with Hosted(akid_cluster.kubeconfig_as(namespace, "akid-operator")) as operator:
                yield operator
        finally:
            for manifest in manifests:
                if manifest["kind"].startswith("Cluster"):
                    admin.delete(f"{collection(manifest)}/{manifest['metadata']['name']}")


def test_the_cluster_role_is_enough(jobs: Jobs, everywhere: Hosted) -> None:
    jobs.create(job(engine={"name": "multi_worker", "workers": 2}, plays={"run-for": "500ms"}))
    jobs.reach("Succeeded")
    wait_for(lambda: not jobs.names("services") and len(jobs.events()) >= 2, "all is done")
    assert everywhere.api.refused() == []


def test_a_namespaced_operator_leaves_other_namespaces_alone(
    jobs: Jobs, hosted: Hosted, akid_cluster: Cluster
) -> None:
    with akid_cluster.namespace("other") as other:
        elsewhere = Jobs(akid_cluster, other)
        elsewhere.create(job())
        jobs.create(job())
        jobs.reach("Running")
        assert elsewhere.status() == {}


def test_the_same_rules_in_a_role_and_in_the_cluster_role() -> None:
    cluster_wide = {m["kind"]: m for m in render(RBAC, "ops")}
    namespaced = render(RBAC, "ops", watchNamespaces=["a", "b"])
    roles = [m for m in namespaced if m["kind"] == "Role" and m["metadata"]["name"] == "akid-operator"]
    assert [role["metadata"]["namespace"] for role in roles] == ["a", "b"]
    assert all(role["rules"] == cluster_wide["ClusterRole"]["rules"] for role in roles)
    assert not any(m["kind"].startswith("Cluster") for m in namespaced)


def test_no_rule_allows_more_than_it_must() -> None:
    rules = next(m for m in render(RBAC, "ops") if m["kind"] == "ClusterRole")["rules"]
    verbs = {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}
    assert verbs["secrets"] == verbs["events"] == {"create"}
    assert not any("*" in rule["verbs"] + rule["resources"] + rule["apiGroups"] for rule in rules)
    assert not {"patch", "deletecollection", "escalate", "bind"} & set().union(*verbs.values())
