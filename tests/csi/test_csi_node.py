"""One request for a target at a time."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from akid_csi import node as nodes
from akid_csi.attributes import Source, Wanted
from akid_csi.node import Node
from akid_csi.refusal import Refusal
from akid_csi.volume import Volume

RULE = {"namespaces": ["ml"], "servers": ["10.0.0.1"], "volume": "rep3", "paths": ["/"]}
WANTED = Wanted(Source(("10.0.0.1",), "rep3"), ("runs",))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node that mounts nothing."""
    monkeypatch.setattr(nodes.mounts, "private_directory", lambda: tmp_path)
    (tmp_path / "allow.json").write_text(json.dumps({"rules": [RULE]}))
    return Node(tmp_path / "own", tmp_path / "allow.json")


def test_while_a_target_is_published_it_is_not_unpublished(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the publish would go on afterwards, and leave a mount that nobody takes away."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(self: Volume, target: str, wanted: Wanted) -> None:
        begun.set()
        assert go_on.wait(10)

    monkeypatch.setattr(Volume, "publish", slow)
    with ThreadPoolExecutor() as pool:
        publishing = pool.submit(node.publish, "ml", "/target", WANTED)
        assert begun.wait(10)
        for again in (lambda: node.unpublish("/target"), lambda: node.publish("ml", "/target", WANTED)):
            with pytest.raises(Refusal, match="an earlier request for /target is at work") as refusal:
                again()
            assert refusal.value.code == "ABORTED"
        node.unpublish("/another")
        go_on.set()
        publishing.result()
    node.unpublish("/target")
