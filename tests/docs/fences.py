"""The code in the project's pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Pages whose snippets need a cluster; tests with one run them.
ON_A_CLUSTER = {"docs/operations.md", "docs/researcher-guide.md"}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@dataclass(frozen=True)
class Fence:
    """A block of code in a page.

    Attributes:
        page: its path from the root of the repository.
        line: where the code begins, from 1.
        language: after the fence.
        code: what stands between the fences.
    """

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def fences(language: str) -> list[Fence]:
    """Every block of code of a language that needs no cluster."""
    every = (fence for page in PAGES for fence in fences_in(page))
    return [fence for fence in every if fence.language == language and fence.page not in ON_A_CLUSTER]


def fences_in(page: Path) -> list[Fence]:
    """Every block of code of a page."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    return [
        Fence(name, text[: match.start(2)].count("\n") + 1, match[1], match[2])
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]
