"""Jobs whose program is their image's own: what the commands that need a kid say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from job.manifests import manifest

from akid.cli import main
from akid.job.manifest import dialect

TEMPLATE = {"spec": {"containers": [{"name": "trainer", "args": ["train.py"]}]}}


@pytest.fixture
def file(tmp_path: Path) -> str:
    spec = manifest(template=TEMPLATE, runPolicy={"restartStrategy": "Recreate"})
    del spec["spec"]["kid"]
    (tmp_path / "own.yaml").write_text(dialect.write(spec))
    return str(tmp_path / "own.yaml")


def test_validate_says_that_the_program_was_not_checked(file: str, capsys: Any):
    assert main(["validate", file]) == 0
    assert capsys.readouterr().out == f"{file}: valid (what the image's own program does was not checked)\n"


@pytest.mark.parametrize("command", ["run", "render"])
def test_what_needs_a_kid_says_so_and_does_nothing(
    command: str, file: str, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert main([command, file]) == 2
    told = "akid: spec.kid: there is none: the job runs a program of its image's own, which only a cluster does."
    assert capsys.readouterr().err == f"{told} Use kubectl apply.\n"
    assert not (tmp_path / "runs").exists()
