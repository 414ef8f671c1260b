"""Volumes of a real GlusterFS cluster in the mount namespaces of a node and its pods."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from akid_csi.protocol import csi_pb2 as csi
from csi.gluster import Gluster
from csi.kubelet import Node, Pod

pytestmark = pytest.mark.e2e


def refused(call: grpc.RpcError) -> tuple[str, str]:
    """(code, message)."""
    return call.code().name, call.details()


def test_the_kubelet_registers_the_driver_without_a_side_car(node: Node) -> None:
    info = node.register()
    assert (info.type, info.name, info.endpoint) == ("CSIPlugin", "gluster.csi.akid.dev", str(node.endpoint))


def test_a_directory_is_made_for_its_owner_and_outlives_the_pod(node: Node) -> None:
    volume = node.publish("first", "runs/ml/digits-1a2b3c4d")
    found = volume.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (10001, 10001, 0o2770)
    (volume / "result.json").write_text("{}")
    node.unpublish("first")
    assert not node.target("first").exists()
    assert node.mounts() == []
    assert node.clients() == []
    assert (node.publish("second", "runs/ml/digits-1a2b3c4d", read_only=True) / "result.json").read_text() == "{}"
    node.unpublish("second")


def test_ten_publishes_at_once_share_one_client_which_ends_with_the_last(node: Node) -> None:
    names = [f"worker-{index}" for index in range(10)]
    with ThreadPoolExecutor(10) as pool:
        volumes = list(pool.map(node.publish, names, ["shared"] * 10))
    assert len(node.clients()) == 1
    (volumes[0] / "a").write_text("seen by all")
    assert {(volume / "a").read_text() for volume in volumes} == {"seen by all"}
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(node.unpublish, names[:9]))
    assert len(node.clients()) == 1
    assert (volumes[9] / "a").read_text() == "seen by all"
    node.unpublish(names[9])
    assert node.clients() == []
    assert node.mounts() == []


def test_publishing_and_unpublishing_again_changes_nothing(node: Node) -> None:
    for _ in range(2):
        node.publish("p", "again")
    assert node.mounts().count(str(node.target("p"))) == 1
    with pytest.raises(grpc.RpcError) as call:
        node.publish("p", "another")
    assert refused(call.value)[0] == "ALREADY_EXISTS"
    for _ in range(2):
        node.unpublish("p")


def test_a_read_only_volume_cannot_be_written_even_by_root_of_the_node(node: Node) -> None:
    (node.publish("writer", "sets") / "x").write_text("1")
    volume = node.publish("reader", "sets", read_only=True)
    with pytest.raises(OSError, match="Read-only file system"):
        (volume / "x").write_text("2")
    options = os.statvfs(volume).f_flag
    assert options & os.ST_RDONLY
    assert options & os.ST_NOSUID
    assert options & os.ST_NODEV
    for name in ("writer", "reader"):
        node.unpublish(name)


def test_for_reading_only_a_missing_directory_is_not_made(node: Node) -> None:
    with pytest.raises(grpc.RpcError) as call:
        node.publish("p", "nowhere", read_only=True)
    code, message = refused(call.value)
    assert code == "NOT_FOUND"
    assert "'nowhere'" in message
    assert node.clients() == []


def test_two_namespaces_have_only_what_is_theirs(node: Node) -> None:
    node.allow({"namespaces": ["ml", "vision"], "paths": ["runs/${namespace}"]})
    node.publish("a", "runs/ml/a")
    node.publish("b", "runs/vision/b", namespace="vision")
    for sub_dir, namespace in (
        ("runs/ml/a", "vision"),
        ("runs", "ml"),
        ("runs/mlx", "ml"),
        ("runs/ml/a", "other"),
    ):
        with pytest.raises(grpc.RpcError) as call:
            node.publish("c", sub_dir, namespace=namespace)
        code, message = refused(call.value)
        assert code == "PERMISSION_DENIED"
        assert namespace in message
    for name in ("a", "b"):
        node.unpublish(name)


def test_no_path_leads_out_of_the_volume_or_around_the_list(node: Node) -> None:
    volume = node.publish("p", "jail")
    (volume / "up").symlink_to("../../../../etc")
    (volume / "file").write_text("")
    node.allow({"namespaces": ["ml"], "paths": ["jail"]})
    for sub_dir, expected in (
        ("jail/up", "PERMISSION_DENIED"),
        ("jail/up/ssl", "PERMISSION_DENIED"),
        ("jail/file", "PERMISSION_DENIED"),
        ("jail/../other", "INVALID_ARGUMENT"),
        ("/etc", "PERMISSION_DENIED"),
    ):
        with pytest.raises(grpc.RpcError) as call:
            node.publish("evil", sub_dir)
        assert refused(call.value)[0] == expected
    assert not node.seen("evil").exists()
    node.unpublish("p")


def test_a_directory_above_what_a_namespace_may_use_stays_root_s(node: Node) -> None:
    node.allow({"namespaces": ["ml"], "paths": ["team/${namespace}"]}, {"namespaces": ["all"]})
    node.publish("a", "team/ml/x", mode="0777", uid="4711")
    found = {name: (node.publish(name, "/", namespace="all") / "team" / name).stat() for name in (".", "ml")}
    told = {name: (about.st_uid, stat.S_IMODE(about.st_mode)) for name, about in found.items()}
    assert told == {".": (0, 0o755), "ml": (4711, 0o777)}
    for name in ("a", ".", "ml"):
        node.unpublish(name)


def test_a_volume_has_one_client_however_pods_name_its_servers(node: Node, gluster: Gluster) -> None:
    for name, servers in (("a", gluster.servers), ("b", gluster.servers[1:]), ("c", gluster.servers[:1])):
        node.publish(name, "one", servers=",".join(servers))
    assert len(node.clients()) == 1
    for name in "abc":
        node.unpublish(name)


def test_what_is_mounted_stays_when_the_list_changes(node: Node) -> None:
    """A kubelet that was restarted asks again for all that its pods have."""
    (node.publish("p", "kept") / "x").write_text("1")
    node.allow()
    assert (node.publish("p", "kept") / "x").read_text() == "1"
    assert node.mounts().count(str(node.target("p"))) == 1
    node.unpublish("p")
    with pytest.raises(grpc.RpcError) as call:
        node.publish("p", "kept")
    assert refused(call.value)[0] == "PERMISSION_DENIED"


def test_an_allow_list_that_is_empty_or_broken_permits_nothing(node: Node) -> None:
    node.allow()
    with pytest.raises(grpc.RpcError) as call:
        node.publish("p", "x")
    assert refused(call.value)[0] == "PERMISSION_DENIED"
    node.allow({"namespaces": ["ml"], "paths": []})
    with pytest.raises(grpc.RpcError) as call:
        node.publish("p", "x")
    code, message = refused(call.value)
    assert code == "FAILED_PRECONDITION"
    assert "rules[0].paths" in message


def test_a_volume_that_does_not_exist_is_told_and_leaves_nothing(node: Node) -> None:
    node.allow({"namespaces": ["ml"], "volume": "rep4"})
    with pytest.raises(grpc.RpcError) as call:
        node.publish("p", "x", volume="rep4")
    code, message = refused(call.value)
    assert code == "UNAVAILABLE"
    assert "rep4" in message
    assert node.clients() == []
    assert node.mounts() == []


def test_statistics_are_those_of_the_volume(node: Node) -> None:
    volume = node.publish("p", "stats")
    request = csi.NodeGetVolumeStatsRequest(volume_id="csi-p", volume_path=str(node.target("p")))
    bytes_, inodes = node.node.NodeGetVolumeStats(request, timeout=30).usage
    found = os.statvfs(volume)
    assert bytes_.total == found.f_blocks * found.f_frsize
    assert inodes.total == found.f_files
    node.unpublish("p")
    with pytest.raises(grpc.RpcError) as call:
        node.node.NodeGetVolumeStats(request, timeout=30)
    assert refused(call.value)[0] == "NOT_FOUND"


def node_stats(node: Node, pod: str):
    from akid_csi.protocol import csi_pb2 as csi

    return csi.NodeGetVolumeStatsRequest(volume_id=f"csi-{pod}", volume_path=str(node.target(pod)))


def test_a_pod_sees_its_volume(node: Node) -> None:
    (node.publish("p", "pods") / "x").write_text("1")
    pod = Pod(node, "p")
    assert pod.reads("x") == "1"
    pod.end()
    node.unpublish("p")
