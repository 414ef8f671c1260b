"""Write the table of the chart's README from what its values say of themselves: `python scripts/chart_readme.py`.

A value is told of by the lines `# -- text` (and `# more text`) above it; what has none is its parent's affair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[1] / "charts" / "akid-operator"
HEADLINE, MARK = "## Values\n", "# -- "


def told(text: str) -> dict[str, str]:
    """What is said of each value, by its dotted path."""
    said: dict[str, str] = {}
    parents: list[tuple[int, str]] = []
    comment = ""
    for line in text.splitlines():
        words = line.strip()
        if words.startswith(MARK):
            comment = words.removeprefix(MARK)
        elif words.startswith("#"):
            comment = f"{comment} {words.removeprefix('#').strip()}" if comment else ""
        elif key := re.match(r"( *)([\w-]+):", line):
            parents = [(indent, name) for indent, name in parents if indent < len(key[1])] + [
                (len(key[1]), key[2])
            ]
            if comment:
                said[".".join(name for _, name in parents)] = comment
            comment = ""
    return said


def leaves(values: dict[str, Any], said: dict[str, str], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a row each: what is told of as a whole is not taken apart."""
    for name, value in values.items():
        here = f"{path}.{name}".lstrip(".")
        if isinstance(value, dict) and value and here not in said:
            yield from leaves(value, said, here)
        else:
            yield here, value


def readme(page: str, text: str) -> str:
    """The page with the table of the values below its headline; what stands before is written by hand."""
    said = told(text)
    rows = [
        f"| `{path}` | {_shown(value)} | {said.get(path, '')} |"
        for path, value in leaves(yaml.safe_load(text), said)
    ]
    table = "\n".join(["| value | default | |", "|---|---|---|", *rows])
    return f"{page.partition(HEADLINE)[0]}{HEADLINE}\n{table}\n"


def _shown(value: Any) -> str:
    return "" if value in ("", [], {}) else f"`{json.dumps(value)}`"


if __name__ == "__main__":
    PAGE = CHART / "README.md"
    PAGE.write_text(readme(PAGE.read_text(), (CHART / "values.yaml").read_text()))
