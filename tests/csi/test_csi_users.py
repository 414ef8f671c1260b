"""Whose files are whose: pods run as other users than the driver."""

from __future__ import annotations

import pytest
from csi.kubelet import Node

pytestmark = pytest.mark.e2e


def writes(node: Node, pod: str, uid: int, gid: int, *groups: int) -> bool:
    """Whether a process of that user and these groups can make a file in a pod's volume."""
    given = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    name = f"by-{uid}-{gid}-{'-'.join(map(str, groups))}"
    # Directories on the way are the node's own, and closed; a container begins in the volume as well.
    user = f"setpriv --reuid={uid} --regid={gid} {given} touch {name}"
    told = node.box.run("sh", "-c", f"cd {node.target(pod)} && {user}", check=False)
    assert told == "" or "Permission denied" in told
    return not told


def test_a_made_directory_is_its_users_and_groups_and_nobody_elses(node: Node) -> None:
    node.publish("p", "users")
    assert writes(node, "p", 10001, 10001)
    assert writes(node, "p", 500, 10001)
    assert not writes(node, "p", 500, 500)
    node.unpublish("p")


def test_supplementary_groups_count_which_the_client_reads_from_the_nodes_processes(node: Node) -> None:
    node.publish("p", "groups")
    assert writes(node, "p", 500, 500, 10001)
    (made,) = node.seen("p").iterdir()
    assert (made.stat().st_uid, made.stat().st_gid) == (500, 10001)
    assert not writes(node, "p", 500, 500, 10002)
    node.unpublish("p")
