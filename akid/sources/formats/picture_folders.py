"""Folders of pictures: which are splits, which are classes, and which files in them are pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from akid.errors import DataError
from akid.sources.files import shown

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp")
#: What the folder of a split may be called.
SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
#: What systems leave in folders, besides what is hidden.
DROPPINGS = {"__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information"}


def folders(root: Path | str) -> list[str]:
    """Names of the folders in a directory, sorted; hidden ones and droppings are passed over."""
    return sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not _is_dropping(entry.name))


def pictures(root: Path | str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths of the pictures below a directory, links followed, those of a directory before those further below.

    Raises:
        OSError: a directory cannot be read.
        DataError: a link leads back to a directory it lies in.
    """
    real = os.path.realpath(root)
    if real in above:
        raise DataError(f"{shown(root)} is a link to a folder it lies in; take it away.")
    names = sorted(entry.name for entry in os.scandir(root) if not entry.is_dir())
    yield from (os.path.join(root, name) for name in names if _is_picture(name))
    for name in folders(root):
        yield from pictures(os.path.join(root, name), (*above, real))


def split_folders(root: Path) -> dict[str, Path]:
    """The folders of the splits; empty if those that are called so, if any, are classes.

    A folder of a split has folders of classes and no pictures.

    Raises:
        DataError: a split has two folders, or there are other folders with pictures beside them.
    """
    there = folders(root)
    found = {split: [name for name in there if name in names] for split, names in SPLIT_FOLDERS.items()}
    splits = {split: [n for n in names if _holds_classes(root / n)] for split, names in found.items()}
    if not any(splits.values()):
        return {}
    known = {name for names in splits.values() for name in names}
    for split, names in splits.items():
        if len(names) > 1:
            raise DataError(f"{shown(root)} has two folders for {split!r}: {' and '.join(map(repr, names))}.")
    for name in there:
        if name not in known and next(pictures(root / name), None) is not None:
            raise DataError(
                f"{shown(root)} has folders for its splits ({', '.join(sorted(known))}) and pictures in {name!r}"
                " beside them, which would not be used. Call it train, val or test if it is one, or take it away."
            )
    return {split: root / names[0] for split, names in splits.items() if names}


def _holds_classes(folder: Path) -> bool:
    return bool(folders(folder)) and not any(_is_picture(name) for name in os.listdir(folder))


def _is_dropping(name: str) -> bool:
    return name.startswith(".") or name.lower() in DROPPINGS


def _is_picture(name: str) -> bool:
    return name.lower().endswith(ENDINGS) and not _is_dropping(name)
