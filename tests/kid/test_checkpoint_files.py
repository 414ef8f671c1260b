"""Checkpoints as files: their order, strange neighbours, any damage, any path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from akid.backend import tf
from akid.errors import DamagedFileError
from akid.runs.checkpoint_files import committed
from akid.runs.checkpoints import Checkpoints

FILES = ["variables.index", "variables.data-00000-of-00001", "checkpoint.json"]


def saved(directory: Path, *steps: int, keep: int = 3) -> Checkpoints:
    """Checkpoints of these steps of a variable that holds the step."""
    variable = tf.Variable(0, dtype=tf.int64)
    checkpoints = Checkpoints(directory / "latest", directory / "best", {"v": variable}, keep=keep)
    for step in steps:
        variable.assign(step)
        checkpoints.save(step, {}, is_best=True)
    checkpoints.sync()
    return checkpoints


def restored(directory: Path, best: bool = False) -> int:
    """What a new variable holds after it was restored; 0 if nothing was."""
    variable = tf.Variable(0, dtype=tf.int64)
    meta = Checkpoints(directory / "latest", directory / "best", {"v": variable}).restore(best)
    assert meta is None or meta["step"] == int(variable)
    return int(variable)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes({"empty": b"", "half": content[: len(content) // 2], "junk": b"\xff" * len(content)}[how])


def test_they_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    saved(tmp_path, 99_999_998, 99_999_999, 100_000_000, 2_000_000_000)
    assert [p.name for p in committed(tmp_path / "latest")] == [
        "step-99999999",
        "step-100000000",
        "step-2000000000",
    ]
    assert names(tmp_path / "best") == {"step-2000000000"}
    assert restored(tmp_path) == 2_000_000_000


def test_strange_neighbours_are_left_alone(tmp_path: Path) -> None:
    saved(tmp_path, 6)
    strange = {"step-00000006-backup", "step-6", "step-+0000006", "step-", "step-\u0661", "partial-mine"}
    for name in strange:
        shutil.copytree(tmp_path / "latest" / "step-00000006", tmp_path / "latest" / name)
    (tmp_path / "latest" / "step-notes.txt").write_text("a file")
    again = saved(tmp_path, 7, 8, keep=1)
    again.forget_after(7)
    assert names(tmp_path / "latest") == {*strange, "step-notes.txt", "aside-step-00000008"}
    shutil.move(tmp_path / "latest" / "step-6", tmp_path / "latest" / "step-00000006")
    assert restored(tmp_path) == 6


@pytest.mark.parametrize("name", ["lr=[0.05]", "a*b", "what?", "{a,b}", "back\\slash", "[", "]x[!a-z]*"])
def test_they_may_lie_under_any_path(tmp_path: Path, name: str) -> None:
    saved(tmp_path / name, 5, 6)
    assert restored(tmp_path / name) == restored(tmp_path / name, best=True) == 6


@pytest.mark.parametrize("how", ["empty", "half", "junk", "gone"])
@pytest.mark.parametrize("file", FILES)
def test_one_that_cannot_be_read_gives_way_to_the_one_before(tmp_path: Path, how: str, file: str) -> None:
    saved(tmp_path, 5, 6)
    damage(tmp_path / "latest" / "step-00000006" / file, how)
    assert restored(tmp_path) == 5


@pytest.mark.parametrize("how", ["empty", "half", "junk", "gone"])
@pytest.mark.parametrize("file", FILES)
def test_it_is_an_error_if_none_can_be_read(tmp_path: Path, how: str, file: str) -> None:
    saved(tmp_path, 5, 6)
    for step in (5, 6):
        damage(tmp_path / "latest" / f"step-{step:08d}" / file, how)
    text = r"None of the checkpoints in .*latest can be read; nothing was changed\. .* with --fresh\."
    with pytest.raises(DamagedFileError, match=text) as error:
        restored(tmp_path)
    assert "step-00000005: " in str(error.value)
    assert "step-00000006: " in str(error.value)


@pytest.mark.parametrize("text", ["[]", "{}", '{"step": 5}', '{"step": null}'])
def test_what_is_noted_beside_the_variables_must_fit(tmp_path: Path, text: str) -> None:
    saved(tmp_path, 6)
    (tmp_path / "latest" / "step-00000006" / "checkpoint.json").write_text(text)
    with pytest.raises(DamagedFileError, match=r"step-00000006: .*checkpoint\.json is damaged: expected "):
        restored(tmp_path)
