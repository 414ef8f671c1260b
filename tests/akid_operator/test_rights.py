"""The chart's rights are enough, and no more than is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chart import collection, render
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job
from proxy import Line

from akid.job import PodDefaults

pytestmark = pytest.mark.cluster
RBAC = "rbac.yaml"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


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


@contextmanager
def revoked(jobs: Jobs) -> Iterator[None]:
    """The operator has none of its rights to the jobs' namespace in the block."""
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{jobs.namespace}/rolebindings"
    binding = jobs.api.get(f"{path}/akid-operator")
    jobs.api.delete(f"{path}/akid-operator")
    try:
        yield
    finally:
        kept = {name: binding["metadata"][name] for name in ("name", "namespace")}
        jobs.api.create(path, binding | {"metadata": kept})


def test_rights_that_are_revoked_and_given_back_cost_time_and_nothing_else(jobs: Jobs, kubeconfig: Path) -> None:
    with (
        Line(jobs.cluster.layout.api_port) as line,
        Hosted(line.kubeconfig(kubeconfig), jobs.namespace, resync=1) as operator,
    ):
        jobs.create(job(engine={"name": "multi_worker", "workers": 2}))
        jobs.reach("Running")
        chief = jobs.pods()["digits-worker-0"]["metadata"]["uid"]
        with revoked(jobs):
            wait_for(lambda: bool(operator.api.refused()), "a resync is refused")
            jobs.annotate_pod("digits-worker-1", {"run-for": "10ms", "exit-code": "137"})
            wait_for(lambda: jobs.phases()["digits-worker-1"] == "Failed", "it has failed")
            jobs.create(job("other"))
            with line.cut():  # the watches, too, are refused when they begin anew
                pass
            refused = len(operator.api.refused())
            wait_for(lambda: len(operator.api.refused()) > refused, "another resync is refused")
            assert operator.alive()
            assert (jobs.pods("other"), jobs.state()) == ({}, "Running")
        jobs.reach("Running", "other", 60)
        wait_for(lambda: jobs.status().get("restarts") == 1, "the failure is counted", 30)
        wait_for(lambda: set(jobs.phases().values()) == {"Running"}, "it is replaced", 30)
        assert jobs.reach("Running")["restarts"] == 1
        assert jobs.pods()["digits-worker-0"]["metadata"]["uid"] == chief


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
    assert "networkpolicies" not in verbs  # only where jobs are shut off
    assert verbs["secrets"] == verbs["events"] == {"create"}
    assert verbs["akidjobs"] == {"get", "list", "watch", "create", "update", "delete"}
    assert verbs["akidjobs/status"] == {"update"}
    assert verbs["deployments"] == {"get", "create", "delete"}
    assert not any("*" in rule["verbs"] + rule["resources"] + rule["apiGroups"] for rule in rules)
    assert not {"patch", "deletecollection", "escalate", "bind"} & set().union(*verbs.values())


def test_jobs_that_are_shut_off_need_a_right_more_and_have_it(jobs: Jobs, namespace: str) -> None:
    values = {"watchNamespaces": [namespace], "jobs": {"networkPolicy": {"enabled": True}}}
    for manifest in render(RBAC, namespace, **values):
        jobs.api.create(collection(manifest), manifest)
    peers = ({"podSelector": {"matchLabels": {"scrapes": "jobs"}}},)
    kubeconfig = jobs.cluster.kubeconfig_as(namespace, "akid-operator")
    with Hosted(kubeconfig, namespace, pods=PodDefaults(status_peers=peers)) as operator:
        jobs.create(job())
        jobs.reach("Running")
        policies = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
        policy = jobs.api.get(f"{policies}/digits")
        # So it goes with its job.
        assert [owner["uid"] for owner in policy["metadata"]["ownerReferences"]] == [jobs.get()["metadata"]["uid"]]
        members, readers = policy["spec"]["ingress"]
        assert members == {"from": [{"podSelector": {"matchLabels": {"akid.dev/job": "digits"}}}]}
        assert readers == {"from": list(peers), "ports": [{"protocol": "TCP", "port": "metrics"}]}
        jobs.delete_pod("digits-worker-0", grace=0)
        wait_for(lambda: jobs.state() == "Restarting", "the loss is seen")
        jobs.reach("Running")
        assert operator.api.writes().count("POST networkpolicies") == 1
        assert operator.api.refused() == []


def test_a_tensorboard_needs_no_right_beyond_these(jobs: Jobs, everywhere: Hosted, claim: str) -> None:
    jobs.create(job(volumes={"log": {"claimName": claim}}, tensorboard={}))
    wait_for(lambda: jobs.status().get("tensorboard", {}).get("ready"), "it is ready")
    jobs.patch({"tensorboard": None})
    wait_for(lambda: "tensorboard" not in jobs.status(), "it is gone")
    assert everywhere.api.refused() == []


@pytest.fixture
def user_roles(akid_cluster: Cluster) -> Iterator[None]:
    """The chart's roles for users, which become part of the cluster's own."""
    admin = akid_cluster.admin
    manifests = render("user-roles.yaml", "ops")
    for manifest in manifests:
        admin.create(collection(manifest), manifest)
    yield
    for manifest in manifests:
        admin.delete(f"{collection(manifest)}/{manifest['metadata']['name']}")


def allowed(cluster: Cluster, namespace: str, user: str) -> set[str]:
    """What a user may do with jobs."""

    def can(verb: str, resource: str) -> bool:
        review = {"namespace": namespace, "verb": verb, "group": "akid.dev"}
        review["resource"], _, review["subresource"] = resource.partition("/")
        spec = {"user": user, "resourceAttributes": review}
        return cluster.admin.create(REVIEWS, {"spec": spec})["status"]["allowed"]

    asked = [("get", "akidjobs"), ("watch", "akidjobs"), ("create", "akidjobs"), ("patch", "akidjobs"),
             ("delete", "akidjobs"), ("patch", "akidjobs/scale"), ("update", "akidjobs/status")]  # fmt: skip
    return {" ".join(pair) for pair in asked if can(*pair)}


VIEW = {"get akidjobs", "watch akidjobs"}
EDIT = {*VIEW, "create akidjobs", "patch akidjobs", "delete akidjobs", "patch akidjobs/scale"}


@pytest.mark.usefixtures("user_roles")
@pytest.mark.parametrize(("role", "rights"), [("view", VIEW), ("edit", EDIT), ("admin", EDIT)])
def test_who_has_a_role_of_the_cluster_has_its_rights_to_jobs(
    role: str, rights: set[str], akid_cluster: Cluster, namespace: str
) -> None:
    binding = {
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ada"}],
    }
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    akid_cluster.admin.create(path, binding)
    wait_for(lambda: allowed(akid_cluster, namespace, "ada") == rights, f"{role} has its rights")
    assert allowed(akid_cluster, "default", "ada") == set()
