"""Checkpoints: written in the background, committed atomically, verified when read."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from akid.backend import tf
from akid.errors import DataError
from akid.run_dir import read_json, write_json

logger = logging.getLogger(__name__)
#: Written last: a checkpoint without it does not exist.
_COMMIT = "checkpoint.json"


class Checkpoints:
    """The latest ``keep`` checkpoints of a run in a directory, and the best one in another.

    Args:
        directory: each checkpoint is a directory ``step-00000500`` in it.
        best: directory of the best one.
        variables: what is saved, by full name.
        keep: how many are kept.
    """

    def __init__(self, directory: Path, best: Path, variables: Mapping[str, tf.Variable], keep: int = 3) -> None:
        self.directory, self.best, self.keep = directory, best, keep
        self._variables = dict(variables)
        self._checkpoint = tf.train.Checkpoint(variables=dict(variables))

    def save(self, step: int, meta: Mapping[str, Any], is_best: bool = False) -> None:
        """Start to save; returns once the values are copied.

        Args:
            step: of the run.
            meta: JSON values to keep beside the variables.
            is_best: also make it the best one.
        """
        path = self.directory / f"step-{step:08d}"
        if (path / _COMMIT).exists() and not is_best:
            return
        self.sync()
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)

        def commit(_: str) -> None:
            write_json(path / _COMMIT, {"step": step, **meta})
            if is_best:
                _link(path, self.best / path.name)
                _prune(self.best, 1)
            _prune(self.directory, self.keep)

        options = tf.train.CheckpointOptions(
            experimental_enable_async_checkpoint=True, experimental_write_callbacks=[commit]
        )
        self._checkpoint.write(str(path / "variables"), options)

    def sync(self) -> None:
        """Wait until everything is on disk."""
        self._checkpoint.sync()

    def restore(self, best: bool = False) -> dict[str, Any] | None:
        """Put the newest readable checkpoint into the variables.

        Args:
            best: the best one instead.

        Returns:
            Its ``meta`` and ``step``; None if there is none.

        Raises:
            DataError: it is of another brain.
        """
        for path in reversed(committed(self.best if best else self.directory)):
            meta = read_json(path / _COMMIT)
            self._check_fits(path)
            try:
                status = self._checkpoint.read(str(path / "variables"))
                status.assert_existing_objects_matched()
                status.expect_partial()  # TensorFlow's own save_counter is not ours to restore
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                logger.warning("checkpoint %s cannot be read (%s); trying the one before", path, error)
                continue
            return meta
        return None

    def _check_fits(self, path: Path) -> None:
        try:
            saved = dict(tf.train.list_variables(str(path / "variables")))
        except tf.errors.OpError:
            return
        shapes = {_plain(key): tuple(shape) for key, shape in saved.items() if key.startswith("variables/")}
        expected = {name: tuple(v.shape) for name, v in self._variables.items()}
        wrong = [n for n in expected if shapes.get(n) != expected[n]] + sorted(set(shapes) - set(expected))
        if wrong:
            name = wrong[0]
            raise DataError(
                f"The checkpoint {path} is of another Kid: {name!r} has the shape {shapes.get(name)} there and"
                f" {expected.get(name)} here. Use another log_dir, or the Kid it was made with."
            )


def committed(directory: Path) -> list[Path]:
    """The complete checkpoints of a directory, oldest first."""
    if not directory.is_dir():
        return []
    return sorted(p for p in directory.glob("step-*") if (p / _COMMIT).exists())


def _plain(key: str) -> str:
    """``variables/conv1.Sweights/.ATTRIBUTES/VARIABLE_VALUE`` -> ``conv1/weights``."""
    name = key.removeprefix("variables/").removesuffix("/.ATTRIBUTES/VARIABLE_VALUE")
    return name.replace(".S", "/").replace("..", ".")


def _prune(directory: Path, keep: int) -> None:
    for path in committed(directory)[:-keep]:
        (path / _COMMIT).unlink()
        shutil.rmtree(path, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """The same files under another name; copied where links are not supported. The commit file comes last."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in sorted(source.iterdir(), key=lambda f: f.name == _COMMIT):
        try:
            os.link(file, target / file.name)
        except OSError:
            shutil.copy2(file, target / file.name)
