"""How the programs get into the cache, with a stand-in for Go."""

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cluster import binaries, go_build, helm

WORKS = """#!/bin/sh
echo built >> "$XDG_CACHE_HOME/builds"
echo "$@" > "$XDG_CACHE_HOME/arguments"
sleep 0.2
while [ "$1" != -o ]; do shift; done
echo program > "$2"
"""
FAILS = """#!/bin/sh
echo "go: no such module" >&2
exit 1
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a Go that works."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(go_build, "toolchain", lambda: str(tmp_path / "go"))
    write_go(tmp_path, WORKS)
    return tmp_path


def write_go(cache: Path, script: str) -> None:
    go = cache / "go"
    go.write_text(script)
    go.chmod(stat.S_IRWXU)


def test_two_at_once_build_once(cache: Path) -> None:
    with ThreadPoolExecutor() as pool:
        builds = [pool.submit(binaries.programs) for _ in range(2)]
    first, second = (build.result() for build in builds)
    assert first == second
    assert first.is_relative_to(cache / "akid" / "cluster")
    assert [(first / name).read_text() for name in binaries.PROGRAMS] == ["program\n"] * 6
    assert (cache / "builds").read_text() == "built\n"


def test_a_failed_build_is_told_and_leaves_nothing_to_find(cache: Path) -> None:
    write_go(cache, FAILS)
    with pytest.raises(RuntimeError, match="go: no such module"):
        binaries.programs()
    assert not binaries.control_plane().directory().exists()
    write_go(cache, WORKS)
    assert binaries.programs() == binaries.control_plane().directory()


def test_other_sources_go_to_another_place(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = binaries.control_plane().directory()
    module = tmp_path / "module"
    shutil.copytree(binaries.MODULE, module)
    monkeypatch.setattr(binaries, "MODULE", module)
    assert binaries.control_plane().directory() == before
    (module / "main.go").write_text("package main\n")
    assert binaries.control_plane().directory() != before


def test_the_binaries_do_not_wait_for_each_other(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of what only a node needs leaves the control plane as it is built."""
    module = tmp_path / "module"
    shutil.copytree(binaries.MODULE, module)
    monkeypatch.setattr(binaries, "MODULE", module)
    before, node = binaries.programs(), binaries.node_programs()
    assert {program.name for program in node.iterdir()} == {"kube-node", *binaries.NODE_PROGRAMS}
    (module / "node" / "main.go").write_text("package main\n")
    assert binaries.control_plane().directory() == before
    assert binaries.node().directory() != node


@pytest.mark.parametrize("minor", ["1.36", "1.37"])
def test_another_minor_is_built_beside_the_usual_one(
    cache: Path, monkeypatch: pytest.MonkeyPatch, minor: str
) -> None:
    usual = binaries.programs()
    monkeypatch.setenv("KUBERNETES", minor)
    assert binaries.kubernetes_version().startswith(f"v{minor}.")
    other = binaries.programs()
    assert other.name.startswith(f"v{minor}.")
    assert other.parent == usual.parent
    assert f"-modfile=kubernetes-{minor}.mod" in (cache / "arguments").read_text()


def test_a_minor_that_is_not_known_is_told_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", "1.29")
    with pytest.raises(SystemExit, match=r"Received: KUBERNETES=1\.29\. Known: 1\.34, 1\.36, 1\.37\."):
        binaries.kubernetes_version()


def test_a_build_is_announced_and_a_cached_one_is_silent(cache: Path) -> None:
    told: list[str] = []
    binaries.programs(told.append)
    binaries.programs(told.append)
    assert len(told) == 2
    assert binaries.kubernetes_version() in told[0]


def test_helm_is_built_beside_the_control_plane(cache: Path) -> None:
    helm_program, programs = helm.program(), binaries.programs()
    assert helm_program.read_text() == "program\n"
    assert helm_program.parent != programs
    assert helm_program.parent.parent == programs.parent
