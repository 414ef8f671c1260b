"""The control plane itself: up, with RBAC on, restartable, and never alone."""

import json
import subprocess

import pytest
from cluster import binaries
from cluster.api import ApiError
from cluster.control import RBAC, Cluster
from cluster.waiting import wait_for

pytestmark = pytest.mark.cluster


def test_it_is_the_version_that_was_asked_for(cluster: Cluster) -> None:
    versions = json.loads(cluster.kubectl("version", "--output=json"))
    assert versions["serverVersion"]["gitVersion"] == binaries.kubernetes_version()
    assert versions["clientVersion"]["gitVersion"] == binaries.kubernetes_version()


def test_nodes_have_gpus(cluster: Cluster) -> None:
    nodes = cluster.admin.get("/api/v1/nodes")["items"]
    assert [node["status"]["allocatable"]["nvidia.com/gpu"] for node in nodes] == ["8"] * 3


def test_rbac_is_on(cluster: Cluster, namespace: str) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    nobody = cluster.api_as(namespace, "default")
    with pytest.raises(ApiError, match=rf"system:serviceaccount:{namespace}:default") as refused:
        nobody.get(pods)
    assert refused.value.status == 403

    role = {
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}],
    }
    cluster.admin.create(f"{RBAC}/namespaces/{namespace}/roles", role)
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
    cluster.admin.create(f"{RBAC}/namespaces/{namespace}/rolebindings", binding)

    def allowed() -> bool:  # the authorizer sees a new binding a moment later
        try:
            return nobody.get(pods)["items"] == []
        except ApiError:
            return False

    wait_for(allowed, "the role's effect", timeout=10)


def test_without_a_token_the_server_is_closed(cluster: Cluster) -> None:
    for token, status in {"": 403, "wrong": 401}.items():
        stranger = type(cluster.admin)(cluster.url, cluster.layout.authority, token)
        with pytest.raises(ApiError) as refused:
            stranger.get("/api/v1/pods")
        assert refused.value.status == status


def test_kubectl_as_a_service_account(cluster: Cluster, namespace: str) -> None:
    kubeconfig = cluster.kubeconfig_as(namespace, "default")
    assert cluster.kubectl(
        "auth", "whoami", "--output=jsonpath={.status.userInfo.username}", kubeconfig=kubeconfig
    ) == (f"system:serviceaccount:{namespace}:default")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        cluster.kubectl("get", "pods", kubeconfig=kubeconfig)
    assert "Forbidden" in refused.value.stderr


def test_the_api_server_keeps_its_data_over_a_restart(cluster: Cluster, namespace: str) -> None:
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    cluster.admin.create(maps, {"metadata": {"name": "kept"}, "data": {"key": "value"}})
    nobody = cluster.api_as(namespace, "default")  # its token stays valid: the signing key is kept
    before = cluster.processes["kube-apiserver"].identity
    with cluster.api_server_down():
        assert not before.alive()
        assert not cluster.admin.answers()

    assert cluster.processes["kube-apiserver"].identity != before
    assert cluster.admin.get(f"{maps}/kept")["data"] == {"key": "value"}
    with pytest.raises(ApiError) as refused:
        nobody.get(maps)
    assert refused.value.status == 403


def test_a_paused_api_server_does_not_answer(cluster: Cluster) -> None:
    impatient = type(cluster.admin)(cluster.url, cluster.layout.authority, "any", timeout=0.5)
    with cluster.processes["kube-apiserver"].paused(), pytest.raises(OSError, match="timed out"):
        impatient.get("/readyz")
    wait_for(cluster.admin.answers, "the server after its pause", timeout=60)


def test_two_side_by_side(cluster: Cluster) -> None:
    with Cluster(node_count=1) as other:
        assert other.url != cluster.url
        name = "only-in-the-other"
        other.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
        assert cluster.admin.find(f"/api/v1/namespaces/{name}") is None
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            type(cluster.admin)(other.url, cluster.layout.authority, "any").get("/readyz")
    assert cluster.admin.answers()
