"""Write the requirements of each image: what it needs of `constraints.txt`, with its hashes (`make lock`)."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "images"
#: Distributions that are built here, and so have no hash.
OURS = ("akid", "akid-operator")
#: What `akid.job` does without, the only part of akid that the operator loads: contracts of import-linter say so.
NOT_IN_JOBS = ("numpy", "rich")


def requirements(file: str, *extras: str, own: bool = True) -> list[str]:
    """What a distribution of this repository requires, by itself and with extras."""
    project = tomllib.loads((ROOT / file).read_text())["project"]
    lines = list(project["dependencies"]) if own else []
    lines += [line for extra in extras for line in project["optional-dependencies"][extra]]
    return [line for line in lines if line.split("==")[0] not in OURS]


def without(names: Sequence[str], lines: list[str]) -> list[str]:
    """These requirements but for some."""
    return [line for line in lines if re.split(r"[<>=]", line)[0] not in names]


def wanted() -> dict[str, list[str]]:
    """What each file of requirements is made of."""
    akid, operator = "pyproject.toml", "operator/pyproject.toml"
    return {
        "trainer/requirements-cpu.txt": requirements(akid, "cpu", "serve"),
        "trainer/requirements-gpu.txt": requirements(akid, "gpu", "serve"),
        "operator/requirements.txt": [*without(NOT_IN_JOBS, requirements(akid)), *requirements(operator)],
        "gluster-csi/requirements.txt": requirements(operator, "csi", own=False),
        "stages/requirements.txt": tomllib.loads((ROOT / akid).read_text())["build-system"]["requires"],
    }


def lock(file: str, lines: list[str], uv: str) -> None:
    """Write a file of requirements."""
    options = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
    argv = [uv, "pip", "compile", "--quiet", *options, "--python-version", "3.11", "-c", "constraints.txt"]
    argv += ["-", "--output-file", str(IMAGES / file)]
    subprocess.run(argv, cwd=ROOT, input="\n".join(lines), text=True, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    for name, needed in wanted().items():
        lock(name, needed, sys.argv[1] if len(sys.argv) > 1 else "uv")
