"""Progress: a line on a terminal, JSON lines elsewhere, or nothing."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from small_kids import metrics, small_kid

from akid.kids.progress import JsonLines, NoProgress, TerminalLine, progress_of
from akid.output import say
from akid.report import Lines, event_of


def test_records_are_printed_as_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_kid(tmp_path, progress=None).practice()
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(p["kind"], p["step"]) for p in printed] == [(m["kind"], m["step"]) for m in metrics(tmp_path)]
    assert all("losses" not in p for p in printed)


def test_nothing_is_shown_if_not_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_kid(tmp_path, progress=False).practice()
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_goes_away_costs_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        small_kid(tmp_path, progress=None).practice()
        say("and after that")
        monkeypatch.undo()
    assert [m["step"] for m in metrics(tmp_path)] == [5, 5, 10, 10]


def test_the_kind_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress_of(False, 0, 10), NoProgress)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert isinstance(progress_of(None, 0, 10), JsonLines)


def test_what_may_take_long_is_told_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setenv("AKID_REPORT_FD", str(writer))
    kid, told, lines = small_kid(tmp_path, max_steps=40, checkpoint_step=20), [], Lines()
    resting: list[bool] = []

    def look(kid: object) -> None:
        os.write(writer, b"\n")  # there is something to read
        told.extend(event["event"] for line in lines.feed(os.read(reader, 1 << 16)) if (event := event_of(line)))
        resting.append("steps" not in told or told[::-1].index("rest") < told[::-1].index("steps"))

    for hooks in (kid.hooks.on_train_log, kid.hooks.on_val_log, kid.hooks.on_train_end):
        hooks.append(look)
    kid.practice()
    os.close(writer)
    os.close(reader)
    assert len(resting) == 17
    assert all(resting)
    assert told.count("steps") == told.count("rest") == 8


SHOW = """
from akid.kids.progress import TerminalLine, progress_of
line = progress_of(None, 40, 100)
assert isinstance(line, TerminalLine)
line.advance(70)
line.note({"kind": "train", "step": 70, "loss": 0.25, "lr": None, "examples_per_second": 12345.6})
line.note({"kind": "val", "step": 70, "val_loss": 0.5, "f[b]": 1.0})
line.advance(100)
line.close()
"""


def test_a_line_moves_on_a_terminal() -> None:
    leader, follower = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", SHOW], stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(leader)
    text = shown.decode()
    assert process.returncode == 0, text
    for expected in ("step", "100/100", "loss 0.25", "examples_per_second 12,346", "val_loss 0.5", "f[b] 1"):
        assert expected in text
    assert "\r" in text or "\x1b[" in text, "one line, drawn anew"


def test_a_measure_without_a_value_is_left_out() -> None:
    line = TerminalLine(0, 10)
    line.note({"kind": "val", "val_auc": None, "val_loss": 1.5})
    line.close()
