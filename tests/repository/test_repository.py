"""The repository as a newcomer finds it: its commands, its distributions, what they are built into."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import akid_csi
import pytest
import yaml

import akid

ROOT = Path(__file__).parents[2]
#: Where each package is built from.
DISTRIBUTIONS = {"akid": ROOT, "akid_operator": ROOT / "operator", "akid_csi": ROOT / "operator"}


def project(directory: Path) -> dict:
    """The table ``project`` of a distribution."""
    return tomllib.loads((directory / "pyproject.toml").read_text())["project"]


def test_help_lists_every_target_with_its_text():
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(listed) == set(targets)
    assert all(listed.values())
    assert {"setup", "demo", "test", "lint", "fmt", "bench", "clean"} <= set(listed)


def test_both_distributions_and_the_package_have_one_version():
    versions = {project(directory)["version"] for directory in DISTRIBUTIONS.values()}
    assert versions == {akid.__version__, akid_csi.__version__} == {akid.__version__}
    assert any(
        dependency.split("[")[0].startswith("akid==") and dependency.endswith(f"=={akid.__version__}")
        for dependency in project(DISTRIBUTIONS["akid_operator"])["dependencies"]
    )


def fake_python(directory: Path, version: str, supported: bool) -> str:
    """A program that answers as a Python of this version does."""
    file = directory / "python"
    answer = f'echo "Python {version}"' if not supported else f"echo {file}"
    file.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit {int(not supported)};; *) {answer};; esac\n')
    file.chmod(0o755)
    return str(file)


def find_python(python: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "find-python.sh"
    environment = {**os.environ, "PYTHON": python}
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False)


def test_a_python_that_is_not_supported_is_refused_with_what_to_do(tmp_path):
    done = find_python(fake_python(tmp_path, "3.10.1", supported=False))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "akid needs Python 3.11, 3.12 or 3.13 with venv and pip" in done.stderr
    assert f"Tried: {tmp_path}/python." in done.stderr
    assert "make setup PYTHON=/path/to/python3.12" in done.stderr


def test_a_python_that_is_supported_is_taken(tmp_path):
    done = find_python(fake_python(tmp_path, "3.12.0", supported=True))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/python\n", "")


def test_the_range_of_pythons_is_the_same_everywhere():
    ranges = {project(directory)["requires-python"] for directory in DISTRIBUTIONS.values()}
    assert ranges == {">=3.11,<3.14"}
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "scripts" / "find-python.sh").read_text()


@pytest.mark.parametrize(("package", "directory"), DISTRIBUTIONS.items(), ids=DISTRIBUTIONS)
def test_a_wheel_is_built_offline_with_all_its_files(package, directory, tmp_path, monkeypatch):
    from hatchling.builders.wheel import WheelBuilder

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (wheel,) = WheelBuilder(str(directory)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        built = set(archive.namelist())
    listing = subprocess.run(
        ["git", "ls-files", "-z", package], cwd=directory, capture_output=True, text=True, check=False
    )
    if listing.returncode == 0:
        assert {name for name in listing.stdout.split("\0") if name} <= built
    assert f"{package}/py.typed" in built
    assert not {name for name in built if name.startswith(("tests", "examples")) or name.endswith(".pyc")}


def test_the_wheel_has_the_digits_and_where_they_are_from(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        built = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in built if name.endswith(".dist-info/METADATA"))
    assert {"akid/sources/bundled/digits.npz", "akid/sources/bundled/ATTRIBUTION.md"} <= built
    assert "License-Expression: Apache-2.0" in metadata
    assert any(name.endswith("/licenses/LICENSE") for name in built)


def test_pre_commit_calls_the_linters_of_make_lint():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    entries = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    programs = {entry.split()[0] for entry in entries}
    assert programs == {".venv/bin/ruff", ".venv/bin/pyright", ".venv/bin/lint-imports"}
    makefile = (ROOT / "Makefile").read_text()
    for program in programs:
        assert f"$(VENV)/bin/{Path(program).name} " in makefile


def test_constraints_name_no_index_and_pin_by_hash():
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
    assert len(pins) > 50
    assert text.count("--hash=sha256:") >= len(pins)


def test_no_module_hides_the_standard_library_s_operator():
    assert not (ROOT / "operator" / "__init__.py").exists()
    for directory in ("akid", "operator", "tests", "examples"):
        assert not list((ROOT / directory).rglob("operator.py"))


def test_every_file_of_tests_has_a_name_of_its_own():
    """pytest imports them by their names alone."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
