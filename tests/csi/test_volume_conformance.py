"""A GlusterFS volume has what a run directory needs, as a directory of the node has it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from csi import volume_conformance
from csi.gluster import Gluster
from csi.kubelet import Node


def test_a_directory_of_the_node_has_what_a_run_directory_needs(tmp_path: Path) -> None:
    assert volume_conformance.problems(tmp_path, tmp_path) == []


def test_what_a_place_lacks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(volume_conformance, "STALE_SECONDS", 0.1)
    places = [str(tmp_path / name) for name in ("here", "elsewhere")]
    for place in places:
        Path(place).mkdir()
    assert volume_conformance.main(places) == 1
    assert (
        "shows_new_files_elsewhere: AssertionError('not seen elsewhere within 0.1 s')" in capsys.readouterr().out
    )


@pytest.mark.e2e
def test_two_clients_of_a_gluster_volume_have_it_too(node: Node, gluster: Gluster) -> None:
    # By rules with other servers it is another volume to the driver: another client, as on another node.
    one, other, _ = gluster.servers
    node.allow({"namespaces": ["ml"], "servers": [one]}, {"namespaces": ["ml"], "servers": [other]})
    here, there = (
        node.publish(name, "conformance", servers=server) for name, server in (("a", one), ("b", other))
    )
    assert len(node.clients()) == 2
    assert volume_conformance.problems(here, there) == []
    shutil.rmtree(next(here.iterdir()))
    for name in ("a", "b"):
        node.unpublish(name)
