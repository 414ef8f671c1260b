"""The commands of README's section on clusters: the tests run these, not some of their own."""

from __future__ import annotations

import re
import shlex

from e2e.prepare import ROOT


def commands(tool: str) -> list[list[str]]:
    """The arguments of each command of a tool, in their order."""
    section = (ROOT / "README.md").read_text().partition("\n## On a cluster\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\$ (.+)$", section, re.MULTILINE)
    return [words[1:] for words in map(shlex.split, lines) if words[0] == tool]
