"""The researcher's guide: its project, and its commands by the program they call."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from docs.fences import ROOT, fences_in

GUIDE = ROOT / "docs" / "researcher-guide.md"
EXAMPLE = ROOT / "images" / "example"
#: What each command begins with, and who runs it in a test.
PROGRAMS = ("akid", "docker", "kubectl")


def scripts() -> list[list[str]]:
    """The blocks of shell, each as its commands, with what the block sets filled in."""
    blocks = []
    for fence in fences_in(GUIDE):
        if fence.language == "sh":
            lines = [line for line in fence.code.replace("\\\n", " ").splitlines() if line.strip()]
            variables = dict(line.split("=", 1) for line in lines if line.split("=")[0].isupper())
            commands = [line for line in lines if not line.split("=")[0].isupper()]
            for name, value in variables.items():
                commands = [line.replace(f"${name}", value) for line in commands]
            blocks.append(commands)
    return blocks


def commands(program: str) -> list[list[str]]:
    """Every command of a program, in the order of the page, without its name."""
    words = [shlex.split(line, comments=True) for block in scripts() for line in block]
    return [arguments for name, *arguments in words if name == program]


def project(directory: Path) -> Path:
    """A copy of the project."""
    ignored = shutil.ignore_patterns("__pycache__", "runs")
    return Path(shutil.copytree(EXAMPLE, directory / "project", ignore=ignored))
