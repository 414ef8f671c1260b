"""A disk that is full while a Kid practises: it goes on, warns, writes later, or fails at the end."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

import pytest
from small_kids import metrics, small_kid, values

from akid import Kid
from akid.backend import tf
from akid.errors import NoSpaceError, StorageError
from akid.runs import appended, checkpoints, event_records, space
from akid.runs.appended import Appended
from akid.runs.checkpoint_files import committed, step_of
from akid.runs.space import LACKS, Space, storage_error


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "akid-test", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 10)):
            pass


def learner(directory: Path, actions: dict[int, Callable[[], object]]) -> Kid:
    options = {"max_steps": 40, "train_log_step": 2, "checkpoint_step": 5, "val_log_step": 8, "do_summary": True}
    kid = small_kid(directory, **options)
    kid.hooks.on_batch_begin.append(lambda kid: actions.pop(kid.step, lambda: None)())
    return kid


def drawn(directory: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for path in event_records.event_files(directory / "events"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


def test_what_waited_is_written_once_there_is_space(disk, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(space, "RETRY", 0.0)
    undisturbed = learner(tmp_path / "undisturbed", {})
    undisturbed.practice()
    log_dir = disk / "run"
    kid = learner(log_dir, {11: lambda: fill(disk), 31: (disk / "filler").unlink})
    with caplog.at_level(logging.WARNING):
        kid.practice()
    lack, again = (record.getMessage() for record in caplog.records)
    assert "cannot be written: No space left on device. The training goes on;" in lack
    assert again == f"There is space in {log_dir} again: what waited is written."
    assert metrics(log_dir) == metrics(tmp_path / "undisturbed")
    assert drawn(log_dir) == drawn(tmp_path / "undisturbed")
    assert [step_of(path) for path in committed(log_dir / "checkpoints")][-1] == 40
    assert [step_of(path) for path in committed(log_dir / "best")] == [kid.standing.best_step]
    for name, value in values(undisturbed).items():
        assert (values(kid)[name] == value).all()


def test_a_run_that_ends_without_space_fails_with_the_reason(disk):
    kid = learner(disk / "run", {11: lambda: fill(disk)})
    with pytest.raises(StorageError, match=r"cannot be written.*: No space left on device"):
        kid.practice()
    assert kid.step == 40
    assert [step_of(path) for path in committed(disk / "run/checkpoints")][-1] == 10


@pytest.mark.parametrize("number", LACKS)
@pytest.mark.parametrize("of_tensorflow", [False, True])
def test_a_full_disk_a_quota_and_a_read_only_one_are_lack_of_space(number, of_tensorflow):
    error: Exception = OSError(number, os.strerror(number))
    if of_tensorflow:
        error = tf.errors.ResourceExhaustedError(None, None, f"run/x.tempstate; {os.strerror(number)}")
    found = storage_error("x cannot be written", error)
    assert isinstance(found, NoSpaceError)
    assert str(found) == f"x cannot be written: {os.strerror(number)}."


def test_another_error_of_the_disk_is_none():
    assert type(storage_error("x", OSError(errno.EIO, "Input/output error"))) is StorageError


def test_it_is_told_once_and_again_when_it_changes(tmp_path):
    told: list[str] = []
    there = Space(tmp_path, told.append)

    def lacking(number: int | None) -> Callable[[], None]:
        def write() -> None:
            if number:
                raise storage_error("x", OSError(number, ""))

        return write

    for what, number in [("a", errno.ENOSPC), ("b", errno.ENOSPC), ("a", errno.ENOSPC), ("a", errno.EDQUOT)]:
        assert not there.attempt(what, lacking(number))
    assert [text.split(".")[0] for text in told] == ["x: No space left on device", "x: Disk quota exceeded"]
    assert there.attempt("b", lacking(None))
    assert len(told) == 2
    assert there.attempt("a", lacking(None))
    assert told[2:] == [f"There is space in {tmp_path} again: what waited is written."]


class Narrow(FileIO):
    """A file that takes a few bytes, and then no more."""

    room = 3

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if not Narrow.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken, Narrow.room = min(len(data), Narrow.room), 0
        return super().write(data[:taken])


def test_no_half_line_is_left(tmp_path, monkeypatch):
    file = Appended(tmp_path / "x", Space(tmp_path, lambda text: None))
    file.add(b"first\n")
    with monkeypatch.context() as narrow:
        narrow.setattr(Path, "open", lambda path, *_, **__: Narrow(path, "a"))
        file.add(b"second\n")
    assert (tmp_path / "x").read_bytes() == b"first\n"
    file.add(b"third\n")
    assert (tmp_path / "x").read_bytes() == b"first\nsecond\nthird\n"


def test_what_waits_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(appended, "MOST", 20)
    monkeypatch.setattr(Narrow, "room", 0)
    file = Appended(tmp_path / "x", Space(tmp_path, lambda text: None))
    with monkeypatch.context() as narrow:
        narrow.setattr(Path, "open", lambda path, *_, **__: Narrow(path, "a"))
        for number in range(10):
            file.add(b"line %d\n" % number)
    file.finish()
    assert (tmp_path / "x").read_bytes() == b"line 8\nline 9\n"


def test_the_best_and_the_newest_checkpoint_wait(tmp_path, monkeypatch):
    variable, full = tf.Variable(0.0), [True]
    places = tmp_path / "latest", tmp_path / "best"
    saver = checkpoints.Checkpoints(*places, {"v": variable}, space=Space(tmp_path, lambda text: None))
    write = saver._write

    def limited(*work: object) -> None:
        if full[0]:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        write(*work)  # type: ignore[arg-type]

    monkeypatch.setattr(saver, "_write", limited)
    for step in range(1, 5):
        variable.assign(float(step))
        saver.save(step, {}, is_best=step == 2)
    saver.sync()
    assert not saver.settled
    with pytest.raises(NoSpaceError, match="Disk quota exceeded"):
        saver.finish()
    full[0] = False
    saver.finish()
    assert saver.settled
    found = {place.name: [step_of(path) for path in committed(place)] for place in places}
    assert found == {"latest": [2, 4], "best": [2]}
    saved = tf.train.load_checkpoint(str(committed(places[1])[0] / "variables")).get_tensor("v")
    assert saved == 2.0
