"""Volumes that the nodes' pods share have what a run directory needs: GlusterFS, and a claim of another kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cluster.reach import CORE
from cluster.waiting import wait_for
from csi import volume_conformance
from csi.gluster import Gluster
from e2e.claims import made_claim, shared_claim
from e2e.prepare import OWNER
from e2e.real import RealCluster
from e2e.site import DRIVER, Site
from e2e.training import Training
from e2e.volumes import VOLUME

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
PLACES = ("/here", "/there")
USER = {"runAsNonRoot": True, "runAsUser": OWNER, "fsGroup": OWNER}
SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
Sources = list[dict[str, Any]]
Kind = Callable[[Training, Gluster], Sources]


def claim(training: Training, gluster: Gluster) -> Sources:
    """A claim of a directory that the nodes share. (A pod that names a claim twice is never set up.)"""
    shared_claim(training.cluster, training.namespace)
    return [{"persistentVolumeClaim": {"claimName": "shared"}}]


def inline(training: Training, gluster: Gluster) -> Sources:
    """An inline volume by all servers, and one by some of them, which is another client."""
    return [_inline(training.namespace, servers) for servers in (gluster.servers, gluster.servers[1:])]


def _inline(namespace: str, servers: list[str]) -> dict[str, Any]:
    attributes = {"servers": ",".join(servers), "volume": VOLUME, "subDir": f"{namespace}/conformance"}
    return {"csi": {"driver": DRIVER, "volumeAttributes": attributes | {"uid": str(OWNER), "gid": str(OWNER)}}}


def static(training: Training, gluster: Gluster) -> Sources:
    """A claim of a PersistentVolume that somebody made by hand, of the same driver."""
    attributes = _inline(training.namespace, gluster.servers)["csi"]["volumeAttributes"]
    source = {"csi": {"driver": DRIVER, "volumeHandle": training.namespace, "volumeAttributes": attributes}}
    made_claim(training.cluster, training.namespace, "static", source)
    return [{"persistentVolumeClaim": {"claimName": "static"}}]


def pod(name: str, node: str, image: str, sources: Sources) -> dict[str, Any]:
    """It checks a volume at two places: mounted twice, or by two sources."""
    volumes = [{"name": f"volume-{index}", **source} for index, source in enumerate(sources)]
    names = (volumes[0]["name"], volumes[-1]["name"])
    mounts = [{"name": name, "mountPath": place} for name, place in zip(names, PLACES, strict=True)]
    container = {
        "name": "checks",
        "image": image,
        "command": ["python", "/program/volume_conformance.py", *PLACES],
        "securityContext": SECURITY,
        "volumeMounts": [*mounts, {"name": "program", "mountPath": "/program"}],
    }
    spec = {
        "nodeName": node,
        "restartPolicy": "Never",
        "securityContext": USER | {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [*volumes, {"name": "program", "configMap": {"name": "program"}}],
    }
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize("kind", [claim, inline, static], ids=["claim", "glusterfs", "static volume"])
def test_pods_of_both_nodes_find_all_that_a_run_directory_needs(
    nodes: RealCluster, site: Site, training: Training, gluster: Gluster, kind: Kind
) -> None:
    training.kubectl("create", "configmap", "program", f"--from-file={volume_conformance.__file__}")
    sources = kind(training, gluster)
    pods = {f"checks-on-{node.name}": node.name for node in nodes.nodes}
    for name, node in pods.items():
        made = pod(name, node, site.prepared.images["trainer"], sources)
        nodes.admin.create(f"{CORE}/namespaces/{training.namespace}/pods", made)
    for name in pods:
        wait_for(lambda name=name: training.ended(name), f"{name} ends", 120, every=0.2)
    said = [training.logs(name).strip() for name in pods]
    assert said == [f"{len(volume_conformance.CHECKS)} checks hold on /here"] * len(pods)
