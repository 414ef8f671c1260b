"""``akid logs``."""

from __future__ import annotations

import pytest

from akid.cli import main


@pytest.fixture
def run_dir(tmp_path):
    """The directory of a run whose worker-1 was started twice."""
    (tmp_path / "logs").mkdir()
    for name in ("worker-0-0", "worker-1-0", "worker-1-1", "worker-10-0"):
        (tmp_path / "logs" / f"{name}.log").write_text(f"I am {name}\n")
    return tmp_path


def test_every_log_is_printed_in_order_under_its_name(run_dir, capsys):
    assert main(["logs", str(run_dir)]) == 0
    headings = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("==>")]
    assert headings == ["worker-0-0", "worker-1-0", "worker-1-1", "worker-10-0"]


def test_one_attempt_of_one_member_is_printed_as_it_is(run_dir, capsys):
    assert main(["logs", str(run_dir), "--member", "worker-1", "--attempt", "1"]) == 0
    assert capsys.readouterr().out == "I am worker-1-1\n"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--member", "wroker-1"], "No member 'wroker-1' has a log. Did you mean 'worker-1'?"),
        (["--member", "worker-0", "--attempt", "3"], "expected an attempt among [0], received 3."),
    ],
)
def test_a_log_that_is_not_there_is_told_with_those_that_are(options, problem, run_dir, capsys):
    assert main(["logs", str(run_dir), *options]) == 2
    assert problem in capsys.readouterr().err


def test_a_directory_without_logs_is_told(tmp_path, capsys):
    assert main(["logs", str(tmp_path)]) == 2
    assert f"There are no logs in {tmp_path}" in capsys.readouterr().err
