"""TensorBoard events: scalars with the logs, what an `Inspector` sees now and then, the graph once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.errors import StorageError

if TYPE_CHECKING:
    from akid.runs.inspection import Inspector

#: What makes TensorBoard draw a ``[buckets, 3]`` table as a histogram.
_HISTOGRAM = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "histograms"})


class Events:
    """Writes events files.

    Args:
        directory: where to; None writes nothing.

    Raises:
        StorageError: from every method, if they cannot be written.
    """

    def __init__(self, directory: Path | None) -> None:
        self._is_new = directory is not None and not (directory.is_dir() and any(directory.iterdir()))
        self._writer: Any = None
        if directory is not None:
            with _written():
                self._writer = tf.summary.create_file_writer(str(directory), flush_millis=10_000)

    def graph(self, inspector: Inspector) -> None:
        """The brain's graph, unless the run has drawn it before."""
        if self._writer is None or not self._is_new:
            return
        graph = inspector.graph()
        with _written(), self._writer.as_default(0):
            tf.summary.graph(graph)

    def scalars(self, record: Mapping[str, Any], losses: Mapping[str, float]) -> None:
        """A line of ``metrics.jsonl`` as curves.

        Args:
            record: with ``kind`` and ``step``.
            losses: of single blocks, weight decay included, by full name.
        """
        if self._writer is None:
            return
        step, prefix = record["step"], record["kind"]
        with _written(), self._writer.as_default(step):
            for name, value in record.items():
                if name not in ("kind", "step") and value is not None:
                    tf.summary.scalar(f"{prefix}/{name.removeprefix('val_')}", value)
            for name, value in losses.items():
                tf.summary.scalar(f"losses/{name}", value)

    def distributions(self, step: int, seen: Mapping[str, tuple[str, Any]]) -> None:
        """What an `Inspector` gave for this step."""
        if self._writer is None:
            return
        with _written(), self._writer.as_default(step):
            for tag, (kind, value) in seen.items():
                if kind == "scalar":
                    tf.summary.scalar(tag, value)
                elif kind == "image":
                    tf.summary.image(tag, value)
                else:
                    tf.summary.write(tag, tf.constant(value), metadata=_HISTOGRAM)

    def close(self) -> None:
        """Put everything on disk."""
        if self._writer is not None:
            with _written():
                self._writer.close()


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise StorageError(f"TensorBoard's events cannot be written: {error.message}") from error
