"""A GlusterFS cluster for all tests, and a node with a driver for each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from csi.gluster import Gluster
from csi.kubelet import Node
from csi.sandbox import Sandbox, sandbox


@pytest.fixture(scope="session")
def box() -> Generator[Sandbox]:
    """A sandbox; its directory is on a disk, since bricks need extended attributes."""
    missing = [
        program for program in ("glusterd", "glusterfs", "unshare", "nsenter", "ip") if not shutil.which(program)
    ]
    if os.geteuid() != 0 or missing:
        pytest.fail(
            f"these tests need root, glusterfs-server, util-linux and iproute2; missing: {missing or 'root'}"
        )
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory, sandbox(Path(directory)) as box:
        yield box


@pytest.fixture(scope="session")
def gluster(box: Sandbox) -> Gluster:
    """Three nodes with the volume rep3."""
    cluster = Gluster(box.directory / "gluster", box.prefix)
    cluster.up()
    cluster.volume("rep3")
    return cluster


@pytest.fixture
def node(box: Sandbox, gluster: Gluster) -> Generator[Node]:
    """A node whose driver runs, and permits all of rep3 to the namespace ml."""
    node = Node(box, gluster.servers)
    node.log.unlink(missing_ok=True)
    node.allow({"namespaces": ["ml"]})
    node.start()
    yield node
    node.stop()
    for pod in node.pods.iterdir():
        shutil.rmtree(pod)
