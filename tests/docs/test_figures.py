"""The figures of the pages: made by the script, small, and shown."""

from __future__ import annotations

import re
import subprocess
import sys

from docs.fences import ROOT

FIGURES = ROOT / "docs" / "figures"


def test_the_script_makes_all_figures_that_are_there_and_small_ones(tmp_path):
    command = [sys.executable, "-W", "error", "scripts/docs_figures.py", str(tmp_path), "40"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FIGURES.iterdir()}
    assert max(path.stat().st_size for path in (*FIGURES.iterdir(), *tmp_path.iterdir())) <= 60_000


def test_every_figure_is_shown():
    page = (ROOT / "docs" / "observer.md").read_text()
    shown = re.findall(r"figures/(\w+\.png)", page)
    assert sorted(shown) == sorted(path.name for path in FIGURES.iterdir())
