"""What the builder of images decides: which tool, what an image depends on, how each tool is asked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


@pytest.fixture
def catalog() -> Any:
    from image_build import catalog

    return catalog


@pytest.fixture
def tools() -> Any:
    from image_build import tools

    return tools


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what images are made of."""
    for name in ("images", "akid", "operator"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("working", "chosen"),
    [({"docker", "buildah"}, "docker"), ({"podman", "buildah"}, "podman"), ({"buildah"}, "buildah")],
    ids=["docker", "podman", "buildah"],
)
def test_the_first_tool_that_works_is_taken(tools: Any, working: set[str], chosen: str) -> None:
    assert tools.find(works=lambda argv: argv[0] in working) == chosen


def test_a_tool_that_is_asked_for_is_not_replaced(tools: Any) -> None:
    with pytest.raises(SystemExit, match=r"Tried: podman\. Install one"):
        tools.find("podman", works=lambda argv: argv[0] == "buildah")


def test_an_unknown_tool_and_an_unknown_image_are_told_with_the_known_ones(tools: Any, catalog: Any) -> None:
    with pytest.raises(SystemExit, match=r"Received: kaniko\. Known: docker, podman, buildah\."):
        tools.find("kaniko")
    with pytest.raises(SystemExit, match=r"Received: trianer\. Known: trainer, "):
        catalog.wanted(["trianer"])


def test_an_image_is_built_after_the_one_it_begins_with(catalog: Any) -> None:
    assert catalog.wanted(["example", "trainer"]) == ["trainer", "example"]
    assert "trainer-gpu" not in catalog.wanted([])


def test_a_dockerfile_says_what_its_image_depends_on(catalog: Any) -> None:
    text = "ARG FLAVOR=cpu\nCOPY a.sh b-${FLAVOR}.txt /x/\nADD c \\\n  /y/\n"
    text += "COPY --from=other /z /z\nCOPY --chown=1:1 d d\n"
    assert catalog.copied(text) == ["a.sh", "b-cpu.txt", "c", "d"]
    assert catalog.copied(text, {"FLAVOR": "gpu"})[1] == "b-gpu.txt"


def test_the_key_of_an_image_changes_with_what_it_is_made_of_and_nothing_else(catalog: Any, clone: Path) -> None:
    def keys() -> dict[str, str]:
        return {name: catalog.key(name, "", clone) for name in ("trainer", "trainer-gpu", "operator", "example")}

    before = keys()
    (clone / "akid" / "__pycache__").mkdir()
    (clone / "akid" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (clone / "README.txt").write_text("no image has it")
    os.utime(clone / "akid" / "cli.py", (0, 0))
    assert keys() == before
    (clone / "images" / "trainer" / "requirements-gpu.txt").write_text("")
    changed = {name for name, value in keys().items() if value != before[name]}
    assert changed == {"trainer-gpu"}
    (clone / "akid" / "cli.py").write_text("")
    assert not set(keys().values()) & set(before.values())
    assert catalog.key("trainer", "other:1", clone) != keys()["trainer"]


def test_a_build_has_no_network_of_containers_and_trusts_the_given_certificates(tools: Any) -> None:
    what = tools.Build("localhost/a:1", Path("f"), Path("c"), {"BASE": "b"}, {"l": "k"}, "/certificates")
    argv = tools.build("buildah", what)
    assert argv[:5] == ["buildah", "bud", "--layers", "--isolation", "chroot"]
    assert argv[5:] == [
        *("--build-arg", "BASE=b", "--label", "l=k", "--secret", "id=pip-cert,src=/certificates"),
        *("--build-arg", "PIP_CERT=/run/secrets/pip-cert", "-f", "f", "-t", "localhost/a:1", "c"),
    ]
    assert tools.build("docker", what)[:3] == ["docker", "build", "--build-arg"]
    assert "--isolation" in tools.build("podman", what)


def test_what_is_pushed_goes_under_the_registry_s_name(tools: Any, catalog: Any) -> None:
    image = catalog.IMAGES["trainer-gpu"]
    destination = f"registry.example.com/team/{image.repository('1.2.3')}"
    assert destination == "registry.example.com/team/akid-trainer:1.2.3-gpu"
    push = tools.push("buildah", image.reference("1.2.3"), destination, ["--cert-dir", "d"])
    flags = ["--cert-dir", "d"]
    assert push == [["buildah", "push", *flags, "localhost/akid-trainer:1.2.3-gpu", f"docker://{destination}"]]
    assert [command[1] for command in tools.push("docker", "a", "b", [])] == ["tag", "push"]


def test_only_the_newest_archives_of_an_image_stay(tmp_path: Path) -> None:
    from image_build import store

    for i in range(5):
        for name in ("trainer", "trainer-gpu"):
            file = tmp_path / f"{name}-{i:016x}.tar"
            file.touch()
            os.utime(file, (i, i))
    old = [file.name for file in store.outdated(tmp_path, "trainer")]
    assert old == [f"trainer-{1:016x}.tar", f"trainer-{0:016x}.tar"]


def test_flags_after_two_dashes_are_the_tool_s_own() -> None:
    import images

    options = images.parsed(["push", "host/team", "trainer", "--", "--tls-verify=false"])
    assert (options.registry, options.names, options.flags) == ("host/team", ["trainer"], ["--tls-verify=false"])
