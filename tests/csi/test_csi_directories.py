"""The way to a directory of a volume, on any file system."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from akid_csi.attributes import Source, Wanted, components
from akid_csi.directories import FLAGS, opened, root_of
from akid_csi.refusal import Refusal


def walked(root: Path, path: str, *, read_only: bool = False, mode: int = 0o750, above: int = 0) -> Path:
    """Where a walk ends. What is made is ours: root alone can give things away."""
    owner = (os.getuid(), os.getgid())
    wanted = Wanted(Source(("a",), "v"), components(path), read_only, *owner, mode, above)
    descriptor = opened(os.open(root, FLAGS), wanted)
    try:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}"))
    finally:
        os.close(descriptor)


def test_what_lacks_is_made_with_its_mode_and_what_is_there_is_left(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o711)
    assert walked(tmp_path, "a/b/c", mode=0o2770) == tmp_path / "a/b/c"
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o711, 0o2770, 0o2770]


def test_what_lies_above_is_made_but_not_given_away(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    assert walked(tmp_path, "a/b/c/d", mode=0o2770, above=2) == tmp_path / "a/b/c/d"
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c", "a/b/c/d")]
    assert modes == [0o700, 0o755, 0o2770, 0o2770]


def test_where_nothing_is_mounted_is_no_volume(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="client has just ended") as refusal:
        root_of(tmp_path)
    assert refusal.value.code == "UNAVAILABLE"
    os.close(root_of(Path("/proc")))


def test_the_root_is_the_way_of_no_steps(tmp_path: Path) -> None:
    assert walked(tmp_path, "/") == tmp_path


def test_for_reading_only_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(Refusal, match="no directory 'a/b'") as refusal:
        walked(tmp_path, "a/b/c", read_only=True)
    assert refusal.value.code == "NOT_FOUND"
    assert os.listdir(tmp_path / "a") == []


@pytest.mark.parametrize("path", ["link", "link/inner", "a/up", "a/up/x", "file", "file/x", "dangling"])
@pytest.mark.parametrize("read_only", [True, False])
def test_links_and_files_are_no_way(tmp_path: Path, path: str, read_only: bool) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for directory in (root / "a", outside / "inner"):
        directory.mkdir(parents=True)
    (root / "link").symlink_to(outside)
    (root / "a/up").symlink_to("../..")
    (root / "dangling").symlink_to("nowhere")
    (root / "file").touch()
    with pytest.raises(Refusal, match="file or a symbolic link") as refusal:
        walked(root, path, read_only=read_only)
    assert refusal.value.code == "PERMISSION_DENIED"


@pytest.mark.skipif(os.getuid() != 0, reason="what the driver makes is root's at first")
@pytest.mark.parametrize("setgid", [0, stat.S_ISGID])
def test_one_that_was_made_and_not_given_away_is_given_away(tmp_path: Path, setgid: int) -> None:
    tmp_path.chmod(0o770 | setgid)
    (tmp_path / "a").mkdir(mode=0o700)
    (tmp_path / "b" / "full").mkdir(parents=True)
    (tmp_path / "b").chmod(0o700 | setgid)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700 | setgid
    for name in ("a", "b"):
        os.close(opened(os.open(tmp_path, FLAGS), Wanted(Source(("s",), "v"), (name,), uid=10001, gid=10001)))
    assert [(tmp_path / name).stat().st_uid for name in ("a", "b")] == [10001, 0]


@pytest.mark.skipif(os.getuid() != 0, reason="what the driver makes is root's at first")
def test_one_that_two_nodes_make_at_once_is_given_away_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = os.mkdir

    def overtaken(name: str, mode: int, **options: int) -> None:
        make(name, mode, **options)
        raise FileExistsError

    monkeypatch.setattr(os, "mkdir", overtaken)
    os.close(opened(os.open(tmp_path, FLAGS), Wanted(Source(("s",), "v"), ("a",), uid=10001, gid=10001)))
    assert (tmp_path / "a").stat().st_uid == 10001


def test_no_descriptor_is_left_open_by_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = len(os.listdir("/proc/self/fd"))
    for path in ("file", "file/x"):
        with pytest.raises(Refusal):
            walked(tmp_path, path)
    assert len(os.listdir("/proc/self/fd")) == before
