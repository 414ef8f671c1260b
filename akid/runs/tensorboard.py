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

#: How TensorBoard is told what a value is: its plugin's name, and 1 for a number, 2 for a tensor, 3 for images.
_METADATA = {
    kind: tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": f"{kind}s"}, data_class=data_class)
    for kind, data_class in (("scalar", 1), ("histogram", 2), ("image", 3))
}


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
        prefix = record["kind"]
        named = {
            name: value for name, value in record.items() if name not in ("kind", "step") and value is not None
        }
        curves = {f"{prefix}/{name.removeprefix('val_')}": value for name, value in named.items()}
        curves |= {f"losses/{name}": value for name, value in losses.items()}
        self.distributions(record["step"], {tag: ("scalar", value) for tag, value in curves.items()})

    def distributions(self, step: int, seen: Mapping[str, tuple[str, Any]]) -> None:
        """What an `Inspector` gave for this step."""
        if self._writer is None:
            return
        # One message for all: a call for each costs more than the look itself.
        summary = tf.compat.v1.Summary(value=[_value(tag, kind, value) for tag, (kind, value) in seen.items()])
        with _written(), self._writer.as_default(step):
            tf.summary.experimental.write_raw_pb(summary.SerializeToString())

    def close(self) -> None:
        """Put everything on disk."""
        if self._writer is not None:
            with _written():
                self._writer.close()


def _value(tag: str, kind: str, value: Any) -> Any:
    """A value as TensorBoard reads it: a number, a table, or images ``[count, height, width, channel]``."""
    if kind == "image":
        pixels = tf.image.convert_image_dtype(value, tf.uint8, saturate=True)
        files = [tf.io.encode_png(image).numpy() for image in pixels]
        _, height, width, _ = pixels.shape
        tensor = tf.make_tensor_proto([b"%d" % width, b"%d" % height, *files], tf.string)
    else:
        tensor = tf.make_tensor_proto(value, tf.float32 if kind == "scalar" else tf.float64)
    return tf.compat.v1.Summary.Value(tag=tag, metadata=_METADATA[kind], tensor=tensor)


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise StorageError(f"TensorBoard's events cannot be written: {error.message}") from error
