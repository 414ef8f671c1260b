"""The layout: every package has a place in a contract, and `import akid` stays light."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTAINERS = {
    "akid": ROOT / "akid",
    "akid.job": ROOT / "akid" / "job",
    "akid_operator": ROOT / "operator" / "akid_operator",
    "akid_csi": ROOT / "operator" / "akid_csi",
}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def children(directory: Path) -> set[str]:
    """The modules and packages right in a package."""
    modules = {file.stem for file in directory.glob("*.py")} - {"__init__"}
    return modules | {file.parent.name for file in directory.glob("*/__init__.py")}


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_module_and_package_has_a_layer(container: str) -> None:
    (contract,) = [c for c in SETTINGS["contracts"] if container in c.get("containers", ())]
    placed = {name for layer in contract["layers"] for name in layer.replace("|", " ").split()}
    assert contract["exhaustive"]
    assert placed == children(CONTAINERS[container])


def test_circles_are_refused_and_type_checkers_imports_count() -> None:
    assert SETTINGS["exclude_type_checking_imports"] is False
    (contract,) = [c for c in SETTINGS["contracts"] if c["type"] == "acyclic_siblings"]
    assert set(contract["ancestors"]) == set(SETTINGS["root_packages"])


def test_a_module_without_a_place_breaks_the_contract(tmp_path: Path) -> None:
    for file in ("house/__init__.py", "house/known.py", "house/newcomer.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    layers = {"name": "house", "type": "layers", "containers": ["house"], "layers": ["known"], "exhaustive": True}
    lines = [f"{key} = {str(value).lower() if value is True else value!r}" for key, value in layers.items()]
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_package = "house"\n[[tool.importlinter.contracts]]\n' + "\n".join(lines)
    )
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "house.newcomer" in done.stdout
