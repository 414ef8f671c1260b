"""What the driver keeps: state, the list of mounts, and calls that may hang."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from akid_csi import mounts
from akid_csi.attributes import Source, Wanted
from akid_csi.client import command, identity
from akid_csi.state import ProcessId, State, decoded, encoded, key_of, read, write
from akid_csi.store import Store
from akid_csi.waiting import within

SOURCE = Source(("10.0.0.1", "10.0.0.2"), "rep3")
WANTED = Wanted(SOURCE, ("runs", "ml"), read_only=True, uid=1, gid=2, mode=0o2770)
STATE = State({"/pods/a b/mount": WANTED}, {key_of(SOURCE): ProcessId(7, 99)})


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "state.json", STATE)
    assert read(tmp_path / "state.json") == STATE
    assert os.listdir(tmp_path) == ["state.json"]
    assert read(tmp_path / "none.json") == State()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        (encoded(STATE)[:99], "Unterminated|Expecting"),
        ('{"version": 2}', "expected version 1. Received: 2"),
        ('{"version": 1}', "a field is missing or wrong"),
        ('{"version": 1, "published": []}', "a field is missing or wrong"),
    ],
)
def test_a_damaged_state_is_an_error(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decoded(text)


def test_what_other_versions_note_is_no_damage() -> None:
    """A driver that is rolled back must be able to start: else all volumes of its node stay away."""
    later, earlier = (json.loads(encoded(STATE)) for _ in range(2))
    later["published"]["/pods/a b/mount"]["later"] = True
    del earlier["published"]["/pods/a b/mount"]["above"]
    assert decoded(json.dumps(later)) == decoded(json.dumps(earlier)) == STATE


def test_servers_in_another_order_are_the_same_volume() -> None:
    assert key_of(SOURCE) == key_of(Source(("10.0.0.2", "10.0.0.1"), "rep3"))
    others = [Source(("10.0.0.1",), "rep3"), Source(SOURCE.servers, "rep4")]
    assert key_of(SOURCE) not in [key_of(other) for other in others]


def test_the_store_counts_what_is_published_of_a_volume(tmp_path: Path) -> None:
    store, other = Store(tmp_path / "state.json"), Wanted(Source(("x",), "y"), ())
    for target, wanted in (("/a", WANTED), ("/b", WANTED), ("/c", other)):
        store.publish(target, wanted)
    store.publish("/a", None)
    assert store.state.targets(key_of(SOURCE)) == {"/b": WANTED}
    assert set(store.state.sources().values()) == {SOURCE, other.source}
    assert Store(tmp_path / "state.json").state == store.state


def test_mount_points_are_read_from_the_kernels_list() -> None:
    mountinfo = (
        "36 35 98:0 / /mnt rw,noatime shared:1 master:2 - ext3 /dev/root rw\n"
        "37 36 0:46 / /pods/a\\040b\\134 rw shared:5 - fuse.glusterfs 10.0.0.1:/rep3 rw\n"
    )
    assert list(mounts.points(mountinfo)) == [("/mnt", "ext3"), ("/pods/a b\\", "fuse.glusterfs")]
    assert mounts.layers("/proc") != []
    assert mounts.layers("/nowhere") == []


def test_a_client_asks_all_servers_for_its_volume() -> None:
    words = command(SOURCE, Path("/point"), Path("/log"))
    assert [word for word in words if word.startswith("--volfile")] == [
        "--volfile-server=10.0.0.1",
        "--volfile-server=10.0.0.2",
        "--volfile-id=/rep3",
    ]
    assert words[-1] == "/point"


def test_a_process_is_told_from_another_with_its_number() -> None:
    ours = identity(os.getpid())
    assert ours is not None
    assert ours == identity(os.getpid())
    assert ours != ProcessId(os.getpid(), ours.started + 1)
    assert identity(2**22 + 1) is None


def test_work_that_hangs_is_not_waited_for_and_its_late_result_is_taken_care_of() -> None:
    go_on, taken, late = threading.Event(), threading.Event(), list[int]()

    def hang() -> int:
        go_on.wait()
        return 5

    def take(result: int) -> None:
        late.append(result)
        taken.set()

    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        within(0.01, hang, late=take)
    go_on.set()
    assert taken.wait(10)
    assert late == [5]


def test_work_that_fails_in_time_fails_as_it_does() -> None:
    assert within(10, lambda: 3) == 3
    with pytest.raises(FileNotFoundError):
        within(10, lambda: os.stat("/nowhere"))
