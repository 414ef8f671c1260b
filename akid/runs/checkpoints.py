"""Checkpoints: written in the background, committed atomically, verified when read."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akid.backend import tf
from akid.errors import DamagedFileError
from akid.runs.checkpoint_files import META, committed, numbered, partial_of, remove_partial, step_of
from akid.runs.literal import literal
from akid.runs.run_dir import read_json, write_json
from akid.runs.space import Space, storage_error
from akid.runs.variables import SavedVariables
from akid.storage import is_away

logger = logging.getLogger(__name__)
#: The file of variables in a checkpoint, without its endings.
VARIABLES = "variables"


@dataclass(frozen=True)
class _Work:
    """A checkpoint that has yet to be written; see `Checkpoints.save`."""

    step: int
    meta: Mapping[str, Any]
    values: list[tf.Tensor]
    is_best: bool


class Checkpoints:
    """The latest ``keep`` checkpoints of a run in a directory, and the best one in another.

    A checkpoint is a directory ``step-00000500`` with the variables by name, in TensorFlow's format
    (``tf.train.load_checkpoint(directory / "variables")``), and ``checkpoint.json``. It is written under another
    name and renamed when it is complete. What there is no space for waits: the newest one, and the best one.

    Args:
        directory: of the latest ones.
        best: directory of the best one.
        variables: what is saved, by name; under the first of its names if it has several.
        finite: names of those that must be finite, or nothing is saved.
        keep: how many are kept.
        generation: of the process that writes, 0 for none.
        check: called just before a checkpoint takes its place; may raise.
        space: tells whether there is space.
    """

    def __init__(
        self,
        directory: Path,
        best: Path,
        variables: Mapping[str, tf.Variable],
        finite: frozenset[str] = frozenset(),
        keep: int = 3,
        generation: int = 0,
        check: Callable[[], None] = lambda: None,
        space: Space | None = None,
    ) -> None:
        self.directory, self.best, self.keep = directory, best, keep
        self._space, self._waiting = space or Space(directory), list[_Work]()
        self._generation, self._check = generation, check
        self.saved = SavedVariables(variables, finite)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="akid-checkpoint")
        self._writing: Future[None] | None = None
        self._last: tuple[int, Mapping[str, Any]] | None = None

    def save(
        self, step: int, meta: Mapping[str, Any], is_best: bool = False, values: list[tf.Tensor] | None = None
    ) -> None:
        """Start to save what the variables hold now; written in the background.

        Args:
            step: of the run.
            meta: JSON values to keep beside the variables.
            is_best: also make it the best one.
            values: what the variables hold, if that has been read.

        Raises:
            NotFiniteError: a variable that must be finite is not; nothing is saved.
            StorageError: the checkpoint before could not be written.
        """
        self.sync()
        if self._last == (step, meta) and not is_best:
            return
        values = values or self.saved.read()
        text = json.loads(json.dumps({"step": step, **meta}))  # as it is now, whatever the caller does to it later
        older = [] if is_best else [work for work in self._waiting if work.is_best]
        self._waiting = [*older, _Work(step, text, values, is_best)]
        self._writing = self._writer.submit(self._write_waiting)
        self._last = (step, meta)

    def sync(self) -> None:
        """Wait until everything is on disk, or there is no space for it.

        Raises:
            StorageError: it could not be written.
        """
        if self._writing is not None:
            self._space.attempt("checkpoints", self._wait)

    def try_again(self) -> None:
        """Write in the background, now and then, what waits for space."""
        if (
            self._waiting
            and (self._writing is None or self._writing.done())
            and self._space.is_time("checkpoints")
        ):
            self.sync()
            self._writing = self._writer.submit(self._write_waiting)

    def finish(self) -> None:
        """Wait until everything is on disk; what waits for space is tried once more.

        Raises:
            StorageError: it could not be written.
        """
        self.sync()
        if self._waiting:
            self._writing = self._writer.submit(self._write_waiting)
            self._wait()

    def _wait(self) -> None:
        """Raises a StorageError if what was being written could not be written."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except (OSError, tf.errors.OpError) as error:
            self._check()  # a newer generation has removed what was being written
            raise storage_error(f"A checkpoint cannot be written to {self.directory}", error) from error

    def _write_waiting(self) -> None:
        while self._waiting:
            work = self._waiting[0]
            try:
                self._write(work.step, work.meta, work.values, work.is_best)
            except (OSError, tf.errors.OpError):
                # What is half written takes space that others may need.
                shutil.rmtree(self.directory / partial_of(work.step, self._generation), ignore_errors=True)
                raise
            del self._waiting[0]

    def _write(self, step: int, meta: Mapping[str, Any], values: list[tf.Tensor], is_best: bool) -> None:
        path = self.directory / f"step-{step:08d}"
        self._check()
        partial = _emptied(self.directory / partial_of(step, self._generation))
        tf.raw_ops.SaveV2(
            prefix=str(partial / VARIABLES),
            tensor_names=self.saved.names,
            shape_and_slices=[""] * len(values),
            tensors=values,
        )
        write_json(partial / META, meta)
        for file in partial.iterdir():
            _flush(file)
        if is_best:
            # First, so that a checkpoint that calls itself the best one never stands without it.
            best = _linked(partial, self.best / partial.name)
            self._check()
            _rename(best, self.best / path.name)
            _prune(self.best, 1)
        self._check()
        _rename(partial, path)
        _prune(self.directory, self.keep)

    def restore(self, best: bool = False, step: int | None = None) -> dict[str, Any] | None:
        """Put the newest readable checkpoint into the variables.

        Args:
            best: the best one instead.
            step: the one of this step instead.

        Returns:
            Its ``meta`` and ``step``; None if there is none.

        Raises:
            DataError: it is of another Kid.
            DamagedFileError: there are some, but none can be read.
        """
        self.sync()
        directory = self.best if best else self.directory
        paths = [path for path in committed(directory) if step in (None, step_of(path))]
        problems: list[str] = []
        for path in reversed(paths):
            try:
                with literal(path) as readable:
                    meta, values = _meta_of(path), self._values_in(readable / VARIABLES, path)
            except (OSError, tf.errors.OpError, DamagedFileError) as error:
                if is_away(error):
                    raise  # nothing is known of the checkpoint
                problems.append(f"{path.name}: {getattr(error, 'message', None) or error}")
                logger.warning("checkpoint %s cannot be read (%s)", path, error)
                continue
            self.saved.assign(values)
            if path is not paths[-1]:
                logger.warning("going on from %s", path)
            return meta
        if not paths:
            found = [path for path in numbered(directory) if step in (None, step_of(path))]
            problems = [f"{path.name}: there is no {META} in it" for path in found]
        if problems:
            raise _unreadable(directory, problems)
        return None

    def _values_in(self, prefix: Path, path: Path) -> list[tf.Tensor]:
        """The values in a checkpoint's file of variables; ``path`` is what its user calls the checkpoint."""
        reader = tf.train.load_checkpoint(str(prefix))
        dtypes = reader.get_variable_to_dtype_map()
        shapes = reader.get_variable_to_shape_map()
        self.saved.check({name: (tuple(shapes[name]), dtypes[name]) for name in shapes}, path)
        names = self.saved.names
        return tf.raw_ops.RestoreV2(
            prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), dtypes=self.saved.dtypes
        )

    @property
    def settled(self) -> bool:
        """Whether all that was to be saved is on disk."""
        return not self._waiting

    def forget_after(self, step: int) -> None:
        """Set checkpoints after this step aside: they could not be read, or another one was chosen."""
        for path in committed(self.directory):
            if step_of(path) > step:
                self._check()
                _rename(path, path.with_name(f"aside-{path.name}"))


def _unreadable(directory: Path, problems: list[str]) -> DamagedFileError:
    return DamagedFileError(
        f"None of the checkpoints in {directory} can be read; nothing was changed. Put back a good copy,"
        f" use another log_dir, or begin anew with --fresh. {'; '.join(problems)}"
    )


def _meta_of(path: Path) -> dict[str, Any]:
    meta = read_json(path / META) or {}
    step = step_of(path)
    if meta.get("step") != step:
        raise DamagedFileError(f'{path / META} is damaged: expected "step": {step}, received {meta!r}.')
    return meta


def _prune(directory: Path, keep: int) -> None:
    for path in committed(directory)[:-keep]:
        (path / META).unlink()
        shutil.rmtree(path, ignore_errors=True)
    remove_partial(directory)


def _emptied(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        # Only now: if a newer generation has removed what this one wrote, it loses nothing of its own.
        if not source.exists():
            raise
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)


def _linked(source: Path, target: Path) -> Path:
    """The same files under another name; copied where links are not supported."""
    _emptied(target)
    for file in source.iterdir():
        try:
            os.link(file, target / file.name)
        except OSError:
            shutil.copy2(file, target / file.name)
    return target


def _flush(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
