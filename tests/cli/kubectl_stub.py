"""A program that stands for kubectl: what it was asked is noted, what it answers is read from files.

Its directory has `answers.json`: for each beginning of a command line, the standard output of the first call, the
second, ... (the last one for all further calls), or {"fails": "..."}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

STUB = """#!{python}
import json, sys
from pathlib import Path
here = Path(__file__).parent

def asked(argv):
    return " ".join(word for word in argv if not word.startswith(("--namespace=", "--context=")))

given = sys.stdin.read() if asked(sys.argv[1:]).startswith("create") else ""
with (here / "calls").open("a") as calls:
    calls.write(json.dumps({{"argv": sys.argv[1:], "given": given}}) + "\\n")
before = [asked(json.loads(line)["argv"]) for line in (here / "calls").read_text().splitlines()]
for begins, answers in json.loads((here / "answers.json").read_text()).items():
    if asked(sys.argv[1:]).startswith(begins):
        times = sum(call.startswith(begins) for call in before)
        answer = answers[min(times, len(answers)) - 1]
        if isinstance(answer, dict) and "fails" in answer:
            sys.exit(answer["fails"])
        print(answer if isinstance(answer, str) else json.dumps(answer), end="")
        break
"""


class KubectlStub:
    """kubectl in a directory of its own.

    Args:
        directory: to be put on the PATH.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir()
        program = directory / "kubectl"
        program.write_text(STUB.format(python=sys.executable))
        program.chmod(0o755)

    def answers(self, answers: dict[str, list[Any]]) -> None:
        """What it says from now on."""
        (self._directory / "answers.json").write_text(json.dumps(answers))

    @property
    def calls(self) -> list[list[str]]:
        """What it was asked."""
        return [call["argv"] for call in self._read()]

    @property
    def given(self) -> list[dict[str, Any]]:
        """The manifests it was given."""
        return [json.loads(call["given"]) for call in self._read() if call["given"]]

    def _read(self) -> list[dict[str, Any]]:
        file = self._directory / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
