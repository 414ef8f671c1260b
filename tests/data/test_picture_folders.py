"""Which folders are splits, which are classes, and which files in them are pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import DataError
from akid.sources.images import ImageFolderSource

PICTURE: bytes = tf.io.encode_png(np.zeros([2, 2, 3], np.uint8)).numpy()


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PICTURE)
    return root


def ready(work_dir: Path) -> ImageFolderSource:
    source = ImageFolderSource(str(work_dir))
    source.setup()
    return source


DROPPINGS = (
    "cat/._0.png",
    "cat/.ipynb_checkpoints/0.png",
    "cat/@eaDir/0.png",
    "__MACOSX/cat/0.png",
    "lost+found/0.png",
    "$RECYCLE.BIN/0.png",
    ".Trash/0.png",
)


@pytest.mark.parametrize("dropping", DROPPINGS)
def test_what_systems_leave_is_no_picture_and_no_class(tmp_path: Path, dropping: str):
    source = ready(tree(tmp_path, "cat/0.png", "dog/0.png", dropping))
    assert source.classes == ["cat", "dog"]
    assert source.size("train") == 2


def test_droppings_are_no_classes_of_splits_either(tmp_path: Path):
    source = ready(
        tree(tmp_path, "train/cat/0.png", "train/__MACOSX/0.png", "val/cat/0.png", "__MACOSX/train/0.png")
    )
    assert source.classes == ["cat"]


def test_links_to_folders_are_followed(tmp_path: Path):
    elsewhere = tree(tmp_path / "elsewhere", "a/1.png", "2.png")
    work_dir = tree(tmp_path / "work", "cat/0.png")
    (work_dir / "cat" / "more").symlink_to(elsewhere)
    (work_dir / "dog").symlink_to(elsewhere)
    assert (ready(work_dir).size("train"), ready(work_dir).classes) == (5, ["cat", "dog"])


def test_a_link_that_leads_back_is_told(tmp_path: Path):
    work_dir = tree(tmp_path, "cat/0.png")
    (work_dir / "cat" / "loop").symlink_to(work_dir / "cat")
    with pytest.raises(DataError, match="cat/loop is a link to a folder it lies in; take it away"):
        ready(work_dir)


@pytest.mark.parametrize("locked", ["", "cat", "cat/inner"])
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, locked: str, monkeypatch: pytest.MonkeyPatch):
    work_dir = tree(tmp_path, "cat/0.png", "cat/inner/1.png")
    scandir = os.scandir

    def refuse(path: str | Path):
        if Path(path) == work_dir / locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    message = f"{work_dir / locked} cannot be read: Permission denied. Give the user that trains the right to it."
    with pytest.raises(DataError) as error:
        ready(work_dir)
    assert str(error.value) == f"ImageFolderSource: {message}"


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_the_split_for_validation_has_three_names(tmp_path: Path, name: str):
    source = ready(tree(tmp_path, "train/cat/0.png", "train/cat/1.png", f"{name}/cat/0.png"))
    assert [source.size(split) for split in ("train", "val", "test")] == [2, 1, 0]


def test_a_class_may_be_called_as_a_split_is(tmp_path: Path):
    assert ready(tree(tmp_path, "bus/0.png", "car/0.png", "train/0.png")).classes == ["bus", "car", "train"]


def test_pictures_beside_the_splits_are_told(tmp_path: Path):
    (tmp_path / "meta").mkdir()
    tree(tmp_path, "train/cat/0.png", "dev/cat/0.png")
    with pytest.raises(DataError, match=r"folders for its splits \(train\) and pictures in 'dev' beside them"):
        ready(tmp_path)


def test_a_split_with_two_folders_is_told(tmp_path: Path):
    tree(tmp_path, "train/cat/0.png", "val/cat/0.png", "validation/cat/0.png")
    with pytest.raises(DataError, match="has two folders for 'val': 'val' and 'validation'"):
        ready(tmp_path)


def test_a_name_with_a_line_break_does_not_cut_the_message(tmp_path: Path):
    tree(tmp_path, "cat/0.png")
    (tmp_path / "cat" / "a\nb.png").write_bytes(PICTURE[:40])
    with pytest.raises(DataError, match=r"cat/a\\nb.png' cannot be read: it is damaged, or no PNG"):
        ready(tmp_path).gather("train", tf.constant([1], tf.int64))
