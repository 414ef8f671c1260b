"""The run directory: the interface between the commands. Everything a run leaves behind, and nothing else."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from akid.errors import DamagedFileError, DataError, StorageError, SupersededError
from akid.generations import Fence, newest
from akid.runs.appended import Appended
from akid.runs.checkpoint_files import remove_partial
from akid.runs.space import Space, writing


class RunDir:
    """``kid.yaml`` (resolved), ``metrics.jsonl``, ``events/``, ``checkpoints/``, ``best/``, ``result.json``.

    ``export/`` is added by an export, ``visualization/`` by an `akid.observer.Observer`; ``runtime.json`` keeps
    the number of threads, on which bits depend, ``signature.json`` the shapes of a batch, so that an export needs
    no data, ``settings.json`` what must be the same when the run goes on, ``initialization.json`` which variables
    began as those of another run, and ``trackers.json`` which runs of experiment trackers this one is; ``wandb/``
    is one of theirs. ``.lock`` is held while a Kid practises, ``.generations/`` tells which generation of a job
    may write. ``logs/`` has what each start of a member said, if the run has several; ``evaluations.jsonl`` is an
    evaluator's.

    Args:
        path: made if it is not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best"
        self.events = self.path / "events"
        self.export = self.path / "export"
        self.visualization = self.path / "visualization"
        self.metrics = self.path / "metrics.jsonl"
        self.evaluations = self.path / "evaluations.jsonl"
        self.result = self.path / "result.json"
        self.kid = self.path / "kid.yaml"
        self.runtime = self.path / "runtime.json"
        self.signature = self.path / "signature.json"
        self.settings = self.path / "settings.json"
        self.initialization = self.path / "initialization.json"
        self.trackers = self.path / "trackers.json"
        self.wandb = self.path / "wandb"
        self.lock = self.path / ".lock"
        self._fence = Fence.of_this_process(self.path)
        self.space = Space(self.path)
        self._metrics = self.appended(self.metrics)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._not_writable(error.strerror) from None

    def check_writable(self) -> None:
        """Raises a DataError if nothing can be written to it."""
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise self._not_writable("permission denied")

    def _not_writable(self, why: str | None) -> DataError:
        return DataError(
            f"log_dir must be a directory that can be written. Received: log_dir={str(self.path)!r} ({why})"
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The context in which nobody else may change what a run leaves; a kill ends it too.

        Raises:
            StorageError: another process is in it, and not of an older generation.
            SupersededError: a newer generation was in it.
        """
        self._take_over()
        with writing(self.lock):
            file = self.lock.open("a+", encoding="utf-8")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not 0 < _number_in(file) < self._fence.generation:
                    raise StorageError(
                        f"Another process practises in {self.path}; two would overwrite each other's checkpoints."
                        " Wait for its end, or use another log_dir."
                    ) from None
            except OSError:
                pass  # a file system without locks
            else:
                file.truncate(0)
                file.write(str(self._fence.generation))
                file.flush()
            yield

    def _take_over(self) -> None:
        """From here on older generations cannot write any more."""
        if not self._fence.generation:
            return
        with writing(self.path):
            if not self._fence.take():
                raise self._superseded()
        for directory in (self.checkpoints, self.best):
            remove_partial(directory)
        for pattern in (f".{self.metrics.name}.*", f".{self.result.name}.*", f"{self.events.name}/.*"):
            for partial in self.path.glob(pattern):
                partial.unlink(missing_ok=True)

    @property
    def generation(self) -> int:
        """Of this process, 0 for none."""
        return self._fence.generation

    def check_newest(self) -> None:
        """To be called just before a change.

        Raises:
            SupersededError: a newer generation has taken over.
            StorageError: it cannot be seen whether one has.
        """
        with writing(self.path):
            holds = self._fence.holds()
        if not holds:
            raise self._superseded()

    def _superseded(self) -> SupersededError:
        return SupersededError(
            f"Another process of generation {newest(self.path)} of the job trains in {self.path} now. This one,"
            f" of generation {self._fence.generation}, was replaced and writes nothing any more."
        )

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json``.

        Raises:
            SupersededError: a newer generation has taken over.
        """
        write_json(self.result, result, self.check_newest)

    def appended(self, path: Path) -> Appended:
        """A file of the run that is added to, by the newest generation alone."""
        return Appended(path, self.space, lambda: self.check_newest())

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add a line to ``metrics.jsonl``.

        Raises:
            SupersededError: a newer generation has taken over.
        """
        self._metrics.add(line_of(record))

    def write_waiting(self) -> None:
        """Write, now and then, the lines that wait for space."""
        self._metrics.try_again()

    def finish(self) -> None:
        """Write the lines that wait for space.

        Raises:
            StorageError: there is none.
        """
        self._metrics.finish()

    def read_metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; a last line cut by a kill is left out."""
        return read_lines(self.metrics)

    def forget_after(self, step: int) -> None:
        """Drop what was noted after ``step``: a resumed run notes it again. The old result goes too."""
        kept = [r for r in self.read_metrics() if r.get("step", 0) <= step]
        write_atomically(self.metrics, "".join(json.dumps(r) + "\n" for r in kept), self.check_newest)
        self.result.unlink(missing_ok=True)


def line_of(record: Mapping[str, Any]) -> bytes:
    """A line of JSON."""
    return json.dumps(record).encode() + b"\n"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of JSON lines, if there is one; a last line cut by a kill is left out."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def _number_in(file: TextIO) -> int:
    """The generation in a lock's file; 0 for none."""
    file.seek(0)
    text = file.read()
    return int(text) if text.isdecimal() else 0


def write_atomically(path: Path, text: str, check: Callable[[], None] | None = None) -> None:
    """Write a text file; see `replace_atomically`."""
    replace_atomically(path, text.encode(), check)


def replace_atomically(path: Path, data: bytes, check: Callable[[], None] | None = None) -> None:
    """Write a file so that a reader, or a kill, never sees half of it.

    Args:
        path: of the file.
        data: all of it.
        check: called before the file takes its place; may raise.

    Raises:
        StorageError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path), partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check()
        with writing(path):
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any], check: Callable[[], None] | None = None) -> None:
    """Write a mapping as JSON, atomically; see `write_atomically`."""
    write_atomically(path, json.dumps(value, indent=2) + "\n", check)


def read_json(path: Path) -> dict[str, Any] | None:
    """The mapping in a JSON file; None if there is none.

    Raises:
        DamagedFileError: it is not JSON, or no mapping.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DamagedFileError(f"{path} is damaged: {error}.") from error
    return checked_mapping(value, path)


def checked_mapping(value: Any, path: Path) -> dict[str, Any]:
    """What was read from a file of a run.

    Raises:
        DamagedFileError: it is no mapping.
    """
    if not isinstance(value, dict):
        raise DamagedFileError(f"{path} is damaged: expected a mapping, received {value!r}.")
    return value
