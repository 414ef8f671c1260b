"""TensorBoard events: scalars with the logs, histograms of the variables now and then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from akid.backend import tf


class Events:
    """Writes events files.

    Args:
        directory: where to; None writes nothing.
    """

    def __init__(self, directory: Path | None) -> None:
        self._writer = None if directory is None else tf.summary.create_file_writer(str(directory))

    def scalars(self, record: Mapping[str, Any], losses: Mapping[str, float]) -> None:
        """A line of ``metrics.jsonl`` as curves.

        Args:
            record: with ``kind`` and ``step``.
            losses: of single blocks, weight decay included, by full name.
        """
        if self._writer is None:
            return
        step, prefix = record["step"], record["kind"]
        with self._writer.as_default(step):
            for name, value in record.items():
                if name not in ("kind", "step"):
                    tf.summary.scalar(f"{prefix}/{name.removeprefix('val_')}", value)
            for name, value in losses.items():
                tf.summary.scalar(f"losses/{name}", value)

    def histograms(self, step: int, variables: Mapping[str, tf.Variable]) -> None:
        """Distributions of all variables."""
        if self._writer is None:
            return
        with self._writer.as_default(step):
            for name, variable in variables.items():
                tf.summary.histogram(name, variable)

    def close(self) -> None:
        """Put everything on disk."""
        if self._writer is not None:
            self._writer.close()
