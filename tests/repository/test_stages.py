"""`make test` in stages: what of them makes the whole fail, what is told of it, and that no test is left out."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
from cluster.waiting import wait_for

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import run_tests

    return run_tests


def results(stages: Any, lint: int, *tests: int) -> list[Any]:
    named = zip(stages.STAGES, tests, strict=True)
    return [stages.Result("lint", lint, 1.0), *(stages.Result(name, code, 1.0) for name, code in named)]


@pytest.mark.parametrize(
    ("codes", "whole"),
    [
        ((0, 0, 0, 0), 0),
        ((0, 0, 5, 5), 0),
        ((0, 5, 5, 5), 5),
        ((2, 0, 0, 0), 1),
        ((0, 0, 1, 0), 1),
        ((1, 5, 5, 5), 1),
        ((0, 5, 5, -11), 1),
    ],
)
def test_any_failure_fails_the_whole_and_a_stage_without_tests_does_not(
    stages: Any, codes: tuple[int, ...], whole: int
) -> None:
    assert stages.verdict(results(stages, *codes)) == whole


def test_every_test_that_needs_no_root_is_in_one_stage(stages: Any) -> None:
    for cluster, serial, e2e in itertools.product((True, False), repeat=3):
        marks = {"cluster": cluster, "serial": serial, "e2e": e2e}
        chosen = [name for name, (_, marker) in stages.STAGES.items() if eval(marker, {}, marks)]
        assert len(chosen) == (0 if e2e else 1), (marks, chosen)


def test_a_line_of_the_summary_counts_what_pytest_counted(
    stages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert False\n"
        "def test_none(): pytest.skip('no')\n"
        "@pytest.fixture\ndef broken(): raise ValueError\n"
        "def test_never(broken): pass\n"
    )
    stages.ROOT = tmp_path
    stages.STAGES = {"here": (["-n", "0"], "not cluster")}
    result = stages.tested("here", ["-q", "-p", "no:cacheprovider"], tmp_path)
    assert (result.name, result.code) == ("here", 1)
    assert result.told == "1 passed, 1 failed, 1 errors, 1 skipped"
    assert result.line().split("s  ")[1] == "FAILED with 1: 1 passed, 1 failed, 1 errors, 1 skipped"
    nothing = stages.tested("here", ["-q", "-p", "no:cacheprovider", "-k", "elsewhere"], tmp_path)
    assert (nothing.code, nothing.told) == (5, "")


# Two tests that fail the first time, two that always do, and five that fail the first time.
FLAKY = """
import pathlib, pytest
@pytest.mark.parametrize("number", range({tests}))
def test_it(number):
    mark = pathlib.Path(__file__).with_name(f"mark{{number}}")
    first, always = not mark.exists(), {always}
    mark.touch()
    assert not first and not always
"""


@pytest.mark.parametrize(
    ("tests", "always", "code", "told"),
    [
        (2, False, 0, "2 failed, 2 failed then passed"),
        (2, True, 1, "2 failed, 2 failed twice"),
        (5, False, 1, "5 failed"),
    ],
)
def test_a_few_failures_in_ci_are_run_again_and_told(
    stages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tests: int, always: bool, code: int, told: str
) -> None:
    monkeypatch.setenv("CI", "true")
    (tmp_path / "test_it.py").write_text(FLAKY.format(tests=tests, always=always))
    stages.ROOT = tmp_path
    stages.STAGES = {"here": (["-n", "0"], "not cluster")}
    result = stages.tested("here", ["-q"], tmp_path)
    assert (result.code, result.told) == (code, told)


@pytest.mark.parametrize("code", [0, 3])
def test_what_ran_beside_is_shown_if_it_failed(
    stages: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], code: int
) -> None:
    program = f"print('what is wrong'); raise SystemExit({code})"
    beside = stages.Background("lint", tmp_path, sys.executable, "-c", program)
    result = beside.wait()
    assert (result.name, result.code) == ("lint", code)
    assert ("what is wrong" in capfd.readouterr().out) is bool(code)


def test_what_runs_beside_ends_with_what_it_started(stages: Any, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    beside = stages.Background("build", tmp_path, "sh", "-c", f"sleep 600 & echo $! > {pid}; wait")
    wait_for(lambda: pid.exists() and bool(pid.read_text()), "it has started a program of its own", 10)
    beside.stop()
    assert not beside.runs()
    wait_for(lambda: not running(pid.read_text().strip()), "that has ended too", 10)


def running(pid: str) -> bool:
    """Whether a process has not ended; one that nobody has waited for yet has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
