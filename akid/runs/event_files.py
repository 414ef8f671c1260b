"""Reading TensorBoard events back: the scalars and the histograms of a run, by tag and step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from akid.backend import tf


@dataclass
class Recorded:
    """What a run wrote.

    Attributes:
        scalars: ``{tag: {step: value}}``.
        histograms: ``{tag: {step: table}}``, tables as `akid.runs.inspection.histogram` makes them.
    """

    scalars: dict[str, dict[int, float]] = field(default_factory=dict)
    histograms: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)

    def forget_from(self, step: int) -> None:
        """Drop what was written for this step and later ones: a resumed run has done them again."""
        for series in (*self.scalars.values(), *self.histograms.values()):
            for late in [s for s in series if s >= step]:
                del series[late]

    def note(self, tag: str, step: int, value: np.ndarray) -> None:
        """Take a value in; what is neither scalar nor histogram is left out."""
        if value.dtype.kind == "f" and value.ndim == 0:
            self.scalars.setdefault(tag, {})[step] = float(value)
        elif value.dtype.kind == "f" and value.ndim == 2 and value.shape[1] == 3:
            self.histograms.setdefault(tag, {})[step] = value

    def under(self, prefix: str) -> dict[str, dict[int, float]]:
        """The scalars with this prefix, without it."""
        return {tag.removeprefix(prefix): s for tag, s in self.scalars.items() if tag.startswith(prefix)}


def read_events(directory: Path) -> Recorded:
    """The events of a run; nothing if there are none. What a kill cut off is left out."""
    recorded = Recorded()
    for path in sorted(directory.glob("events.out.tfevents.*")):
        is_first = True
        for event in _events_in(path):
            if is_first and event.summary.value:
                recorded.forget_from(event.step)
                is_first = False
            for value in event.summary.value:
                recorded.note(value.tag, event.step, tf.make_ndarray(value.tensor))
    return recorded


def _events_in(path: Path) -> Iterator[Any]:
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            yield tf.compat.v1.Event.FromString(record.numpy())
    except tf.errors.DataLossError:
        return
