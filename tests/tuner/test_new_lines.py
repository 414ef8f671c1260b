"""What was added to a file of JSON lines since one looked."""

from __future__ import annotations

from akid.runs.run_dir import write_atomically
from akid.tuner.trial import NewLines


def test_only_complete_lines_are_read_and_each_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = NewLines(path)
    assert list(lines.read()) == []
    path.write_text('{"step": 1}\n{"st')
    assert list(lines.read()) == [{"step": 1}]
    path.write_text('{"step": 1}\n{"step": 2}\n')  # the same file, longer
    assert list(lines.read()) == [{"step": 2}]
    assert list(lines.read()) == []


def test_a_file_that_was_written_anew_is_read_anew_though_it_is_as_long(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = NewLines(path)
    path.write_text('{"step": 1}\n{"step": 2}\n')
    assert len(list(lines.read())) == 2
    write_atomically(path, '{"step": 1}\n{"step": 3, "val_loss": 0.25}\n')
    assert [record["step"] for record in lines.read()] == [1, 3]
