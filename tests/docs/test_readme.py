"""Every snippet of the pages is run, and every path they name is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from docs.fences import PAGES, ROOT, Fence, fences, fences_in

from akid.cli import main

#: `console`: what `make e2e` runs on a cluster of real nodes.
LANGUAGES = {"python", "sh", "yaml", "console"}
#: Targets that `.ci/run` and this very run of the tests call.
TARGETS = {"demo", "setup", "test", "lint", "fmt"}
FEW = ["--set", "spec.kid.max_steps=2"]


def commands(fence: Fence) -> list[list[str]]:
    """The commands of a block of shell, comments left out."""
    return [shlex.split(line, comments=True) for line in fence.code.splitlines() if line.strip()]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A directory that has the examples of the repository, and nothing else."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_snippet_has_a_language_that_is_run(page):
    assert {fence.language for fence in fences_in(page)} <= LANGUAGES


@pytest.mark.parametrize("fence", fences("python"), ids=str)
def test_a_python_snippet_runs(fence, elsewhere):
    code = re.sub(r"max_steps=\d+", "max_steps=2", fence.code)
    lines = "\n" * (fence.line - 1) + code
    exec(compile(lines, ROOT / fence.page, "exec"), {"__name__": "snippet"})


# A part of a spec is tried where its page is.
JOBS = [fence for fence in fences("yaml") if "\nkind: AkidJob" in fence.code]


@pytest.mark.parametrize("fence", JOBS, ids=str)
def test_a_manifest_is_valid_and_runs(fence, elsewhere):
    (elsewhere / "job.yaml").write_text(fence.code)
    assert main(["run", "job.yaml", *FEW]) == 0


@pytest.mark.parametrize("fence", fences("sh"), ids=str)
def test_the_commands_run(fence, elsewhere, capsys):
    for name, *arguments in commands(fence):
        if name == "make":
            assert set(arguments) <= TARGETS
            continue
        assert name == "akid"
        # The first run of the page sets 100 steps, the second goes on to the file's 600.
        few = [a.replace("max_steps=100", "max_steps=1") for a in arguments]
        assert main([*few, *(FEW if few[0] == "run" and "--set" not in few else [])]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_only_the_section_that_e2e_runs_is_of_its_language():
    section = (ROOT / "README.md").read_text().partition("\n## On a cluster\n")[2].partition("\n## ")[0]
    (found,) = fences("console")
    assert found.code in section


def test_ci_runs_the_commands_the_readme_begins_with():
    script = (ROOT / ".ci" / "run").read_text()
    (first, *_) = fences("sh")
    for command in commands(first):
        assert f"step {' '.join(command)}" in script


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        assert link.startswith("http") or (page.parent / link.replace("\n", " ")).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_paths_a_page_names_are_there(page):
    named = re.findall(
        r"`((?:akid|operator|examples|docs|tests|scripts)/[\w./-]*)`", page.read_text(encoding="utf-8")
    )
    for path in named:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_targets_a_page_names_are_in_the_makefile(page):
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target


def test_the_error_the_readme_shows_is_the_real_one(elsewhere, capsys):
    text = " ".join((ROOT / "README.md").read_text().split())
    shown = re.search(r"`(spec\.kid\.brain\.blocks\[\d\]\.kszie: [^`]*)`", text)
    assert shown
    setting = shown[1].partition(":")[0] + "=2"
    assert main(["validate", "examples/jobs/blocks.yaml", "--set", setting]) == 2
    assert shown[1] in capsys.readouterr().err
