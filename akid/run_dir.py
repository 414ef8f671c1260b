"""The run directory: the interface between the commands. Everything a run leaves behind, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from akid.errors import DataError


class RunDir:
    """``kid.yaml`` (resolved), ``metrics.jsonl``, ``events/``, ``checkpoints/``, ``best/``, ``result.json``.

    ``export/`` is added by an export; ``runtime.json`` keeps the number of threads, on which bits depend, and
    ``signature.json`` the shapes of a batch, so that an export needs no data.

    Args:
        path: made if it is not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best"
        self.events = self.path / "events"
        self.export = self.path / "export"
        self.metrics = self.path / "metrics.jsonl"
        self.result = self.path / "result.json"
        self.kid = self.path / "kid.yaml"
        self.runtime = self.path / "runtime.json"
        self.signature = self.path / "signature.json"
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

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add a line to ``metrics.jsonl``."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def read_metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; a last line cut by a kill is left out."""
        if not self.metrics.exists():
            return
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                return

    def forget_after(self, step: int) -> None:
        """Drop what was noted after ``step``: a resumed run notes it again. The old result goes too."""
        kept = [r for r in self.read_metrics() if r.get("step", 0) <= step]
        write_atomically(self.metrics, "".join(json.dumps(r) + "\n" for r in kept))
        self.result.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader, or a kill, never sees half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a mapping as JSON, atomically."""
    write_atomically(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The mapping in a JSON file; None if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
