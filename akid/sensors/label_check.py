"""Whether labels that are known without reading are numbers of the classes of the blocks they are given to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from akid.backend import tf
from akid.errors import DataError, blame
from akid.layers.targets import CLASS_NUMBERS
from akid.sensors.sensor import Sensor
from akid.sources.base import SPLITS, Source

_PASSED_ON = ("Cast", "Reshape", "Identity", "Squeeze")


def check_labels(sensor: Sensor, noted: Iterable[tf.Tensor]) -> None:
    """Look at all labels that the source knows without reading, once: of data in memory, of folders of pictures.

    Args:
        sensor: set up.
        noted: losses and measures of a brain built in a graph, whose first placeholders are the sensor's signals.

    Raises:
        DataError: a label is no class; with its example, blamed on the block.
    """
    source = sensor.source
    graph = next((tensor.graph for tensor in noted), None)
    if graph is None:
        return
    own = sensor.source_signals()
    for block, place, class_num in _class_numbers(graph):
        signal = own[place] if place < len(own) else None
        if signal is not None:
            with blame(block):
                _check(source, signal, class_num, block)


def _class_numbers(graph: tf.Graph) -> Iterator[tuple[str, int, int]]:
    """(block, signal of the brain, number of classes), wherever a signal is taken for class numbers as it is."""
    operations = graph.get_operations()
    placeholders = [op for op in operations if op.type == "Placeholder"]
    for op in operations:
        found = re.search(CLASS_NUMBERS.format(r"(\d+)"), op.name)
        if found and op.type == "Reshape":
            origin = op.inputs[0].op
            while origin.type in _PASSED_ON:
                origin = origin.inputs[0].op
            if origin in placeholders:
                block = "/".join(op.name.split("/")[1:-1])  # without the brain
                yield block, placeholders.index(origin), int(found[1])


def _check(source: Source, signal: int, class_num: int, block: str) -> None:
    for split in SPLITS:
        known = source.known(split)
        labels = known[signal] if signal < len(known) else None
        labels = np.zeros(0) if labels is None else labels.reshape(-1)
        if labels.size and not 0 <= labels.min() <= labels.max() < class_num:
            wrong = int(np.flatnonzero((labels < 0) | (labels >= class_num))[0])
            raise DataError(
                f"{block}: a label must be the number of one of the {class_num} classes, 0 to {class_num - 1}."
                f" Received: {labels[wrong]}, of example {wrong} of {split!r} of {source.name}",
                argument="class_num",
            )
