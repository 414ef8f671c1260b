"""TensorBoard events: scalars with the logs, what an `Inspector` sees now and then, the graph once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.runs import hparams
from akid.runs.appended import Appended
from akid.runs.event_records import event_files, new_event_file, record
from akid.runs.run_dir import RunDir

if TYPE_CHECKING:
    from akid.runs.inspection import Inspector

_VERSION = tf.compat.v1.Event(file_version="brain.Event:2")
#: How TensorBoard is told what a value is: its plugin's name, and 1 for a number, 2 for a tensor, 3 for images.
_METADATA = {
    kind: tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": f"{kind}s"}, data_class=data_class)
    for kind, data_class in (("scalar", 1), ("histogram", 2), ("image", 3))
}


class Events:
    """Writes an events file.

    Args:
        run_dir: of the run; None writes nothing.

    Raises:
        StorageError: from every method, if it cannot be written.
    """

    def __init__(self, run_dir: RunDir | None) -> None:
        self._is_new = run_dir is not None and not event_files(run_dir.events)
        self._file: Appended | None = None
        self._params: Mapping[str, Any] = {}
        if run_dir is not None:
            self._file = run_dir.appended(new_event_file(run_dir.events))
            self._add(_VERSION)

    def graph(self, inspector: Inspector) -> None:
        """The brain's graph, unless the run has drawn it before."""
        if self._is_new:
            graph = inspector.graph().as_graph_def(add_shapes=True)
            self._add(tf.compat.v1.Event(graph_def=graph.SerializeToString()))

    def begin_session(self, params: Mapping[str, Any]) -> None:
        """What the run was filled in with, if it was, unless the run has told it before."""
        self._params = params
        if params and self._is_new:
            self._add_summary(0, hparams.session_start(params, time.time()))

    def end_session(self, step: int, succeeded: bool) -> None:
        """How a run that was filled in ended, at its last step."""
        if self._params:
            self._add_summary(step, hparams.session_end(succeeded, time.time()))

    def _add_summary(self, step: int, serialized: bytes) -> None:
        self._add(tf.compat.v1.Event(step=step, summary=tf.compat.v1.Summary.FromString(serialized)))

    def scalars(self, step: int, curves: Mapping[str, float]) -> None:
        """Numbers of a step by the names of their curves."""
        self.distributions(step, {tag: ("scalar", value) for tag, value in curves.items()})

    def distributions(self, step: int, seen: Mapping[str, tuple[str, Any]]) -> None:
        """What an `Inspector` gave for this step."""
        # One event for all: one for each costs more than the look itself.
        values = [_value(tag, kind, value) for tag, (kind, value) in seen.items()]
        if values:
            self._add(tf.compat.v1.Event(step=step, summary=tf.compat.v1.Summary(value=values)))

    def try_again(self) -> None:
        """Write, now and then, what waits for space."""
        if self._file is not None:
            self._file.try_again()

    def finish(self) -> None:
        """Write what waits for space.

        Raises:
            StorageError: there is none.
        """
        if self._file is not None:
            self._file.finish()

    def _add(self, event: Any) -> None:
        if self._file is not None:
            event.wall_time = time.time()
            self._file.add(record(event.SerializeToString()))


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
