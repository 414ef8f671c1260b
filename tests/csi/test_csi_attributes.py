"""What a pod may ask for, and what its error says."""

from __future__ import annotations

import re

import pytest
from akid_csi.attributes import Source, Wanted, components, namespace, wanted
from akid_csi.refusal import Refusal

GOOD = {"servers": "10.0.0.1, gluster-2.example.org,10.0.0.1", "volume": "rep3"}
OF_KUBERNETES = {"csi.storage.k8s.io/ephemeral": "true", "csi.storage.k8s.io/pod.namespace": "ml"}


def test_attributes_say_which_directory_of_which_volume() -> None:
    found = wanted(GOOD | OF_KUBERNETES | {"subDir": "/runs//ml/"}, read_only=True)
    source = Source(("10.0.0.1", "gluster-2.example.org"), "rep3")
    assert found == Wanted(source, ("runs", "ml"), read_only=True, uid=10001, gid=10001, mode=0o770)
    assert str(found) == "10.0.0.1,gluster-2.example.org:/rep3/runs/ml"


def test_the_owner_of_what_is_made_can_be_chosen() -> None:
    found = wanted(GOOD | {"uid": "0", "gid": "2000", "mode": "2775"}, read_only=False)
    assert (found.uid, found.gid, found.mode) == (0, 2000, 0o2775)


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"servers": ""}, "servers: expected 1 to 16 addresses with commas between. Received: ''"),
        ({"servers": ",".join(f"10.0.0.{n}" for n in range(17))}, "servers: expected 1 to 16 addresses"),
        (
            {"servers": "10.0.0.1:24007"},
            "servers: expected names or addresses without ports. Received: '10",
        ),
        ({"servers": "--log-file=/etc/passwd"}, "servers: expected names or addresses"),
        ({"servers": "-a"}, "servers: expected names or addresses"),
        ({"volume": ""}, "volume: expected a volume's name"),
        ({"volume": "rep3/runs"}, "a directory of it is subDir. Received: 'rep3/runs'"),
        ({"volume": "-v"}, "volume: expected a volume's name"),
        (
            {"subDir": "a/../../b"},
            "subDir: expected a path without '.', '..' and control characters. Received: 'a",
        ),
        ({"subDir": "./a"}, "subDir: expected a path without"),
        ({"subDir": "a\x00b"}, "subDir: expected a path without"),
        ({"subDir": "a\nb"}, "subDir: expected a path without"),
        ({"subDir": "a" * 256}, "subDir: expected at most 4096 bytes, and 255 a name."),
        ({"subDir": "ü" * 128}, "subDir: expected at most"),
        ({"subDir": "a/" * 2049}, "subDir: expected at most"),
        ({"subdir": "a"}, "unknown volume attribute. Did you mean 'subDir'? Received: 'subdir'"),
        ({"colour": "red"}, "unknown volume attribute. Known: servers, volume, subDir, uid, gid, mode."),
        ({"uid": "root"}, "uid: expected a number from 0 to 4294967294. Received: 'root'"),
        ({"uid": "-1"}, "uid: expected a number"),
        ({"gid": "4294967295"}, "gid: expected a number"),
        ({"mode": "4755"}, "mode: expected octal digits such as '0770', or '2770' with setgid. Received: '4755'"),
        ({"mode": "rwx"}, "mode: expected octal digits"),
    ],
)
def test_what_is_wrong_is_told_with_its_attribute(attributes: dict[str, str], says: str) -> None:
    with pytest.raises(Refusal, match=re.escape(says)) as refusal:
        wanted(GOOD | attributes, read_only=False)
    assert refusal.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("server", ["10.0.0.1", "gluster-1", "Gluster.example.org", "fd00::1", "a"])
def test_servers_are_names_or_addresses(server: str) -> None:
    assert wanted(GOOD | {"servers": server}, read_only=False).source.servers == (server,)


def test_the_root_of_a_volume_has_no_components() -> None:
    assert components("/") == components("") == ()


def test_without_the_pods_namespace_nothing_can_be_judged() -> None:
    with pytest.raises(Refusal, match="podInfoOnMount: true"):
        namespace(GOOD)
    assert namespace(OF_KUBERNETES) == "ml"
