"""Pictures of activations: what every block gives for one example (paper, Fig. 7)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from akid.backend import tf
from akid.blocks.system import System
from akid.blocks.wiring import SYSTEM_IN
from akid.observer.canvas import SEQUENTIAL, Picture, framed, heat_map, new_figure, saved
from akid.pictures.tiles import near_square, tiled, to_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Signals of at most so many numbers are drawn as bars, and at most so many feature maps are drawn.
MOST_BARS, MOST_MAPS = 32, 256
#: The name under which the data themselves are drawn, which no block can have.
DATA = SYSTEM_IN
_COLUMNS, _PANELS = 3, 12


def signals_of(brain: System, data: Mapping[str, Any], blocks: Sequence[str] | None) -> dict[str, np.ndarray]:
    """What blocks gave for the first example of a batch, by full name; scalars and whole numbers are left out.

    Args:
        brain: whose blocks they are.
        data: of a trip that kept all.
        blocks: full names; all that are no systems if left out. Of several outputs each has ``:<number>`` added.
    """
    inner = dict(brain.named_blocks())
    chosen = [n for n in data if not isinstance(inner.get(n), System)] if blocks is None else blocks
    found = {}
    for name in chosen:
        outputs = data[name] if isinstance(data[name], list) else [data[name]]
        for i, output in enumerate(outputs):
            if tf.is_tensor(output) and output.shape.rank and output.dtype.is_floating:
                found[name if len(outputs) == 1 else f"{name}:{i}"] = output.numpy()[0]
    return found


def as_picture(signal: np.ndarray) -> np.ndarray:
    """What a block gives for one example as a picture.

    Args:
        signal: feature maps ``[height, width, channel]``, a sequence ``[time, channel]``, or ``[channel]``.

    Returns:
        Feature maps in near-square tiles, a sequence with time from left to right, channels folded into a
        near-square; NaN where nothing is. Signals of more dimensions are folded too.
    """
    if signal.ndim == 3:
        maps = signal.transpose(2, 0, 1)[:MOST_MAPS]
        return tiled(maps, near_square(len(maps), maps.shape[1] + 1, maps.shape[2] + 1))
    if signal.ndim == 2:
        return signal.T
    flat = signal.reshape(-1)
    side = math.ceil(math.sqrt(flat.size))
    folded = np.full(math.ceil(flat.size / side) * side, np.nan, np.float32)
    folded[: flat.size] = flat
    return folded.reshape(-1, side)


def activation_pictures(signals: Mapping[str, np.ndarray], directory: Path) -> list[Picture]:
    """A picture a block, and overviews of all of them.

    Args:
        signals: of one example, by the block's full name, in the order of the blocks.
        directory: where they go.
    """
    made = []
    items = list(signals.items())
    for page, start in enumerate(range(0, len(items), _PANELS), 1):
        shown = items[start : start + _PANELS]
        columns = min(_COLUMNS, len(shown))
        rows = math.ceil(len(shown) / columns)
        figure = new_figure(2.5 * columns, 2.5 * rows)
        for i, (name, signal) in enumerate(shown):
            _draw(figure.add_subplot(rows, columns, i + 1), name, signal)
        made.append(saved(figure, directory, "activations" if len(items) <= _PANELS else f"activations_{page}"))
    return made + [_alone(name, signal, directory) for name, signal in items]


def _alone(name: str, signal: np.ndarray, directory: Path) -> Picture:
    """The picture of one block."""
    if _is_few(signal):
        figure = new_figure(4.0, 2.6)
        _draw(figure.add_subplot(), name, signal)
    else:
        picture, colours = _picture(name, signal)
        figure = framed(picture, _title(name, signal), colours, has_bar=colours == SEQUENTIAL)
    return saved(figure, directory, f"{name}_activation")


def _title(name: str, signal: np.ndarray) -> str:
    return f"{'data' if name == DATA else name}  [{' x '.join(map(str, signal.shape))}]"


def _picture(name: str, signal: np.ndarray) -> tuple[np.ndarray, str]:
    """What is drawn of a signal, and in which colours; images as they are."""
    if name == DATA and signal.ndim == 3:
        return (to_unit(signal) if signal.shape[2] == 3 else as_picture(signal)), "gray"
    return as_picture(signal), SEQUENTIAL


def _is_few(signal: np.ndarray) -> bool:
    return signal.ndim == 1 and signal.size <= MOST_BARS


def _draw(axes: Axes, name: str, signal: np.ndarray) -> None:
    axes.set_title(_title(name, signal), fontsize=8)
    if not _is_few(signal):
        heat_map(axes, *_picture(name, signal))
        return
    axes.bar(np.arange(signal.size), signal, color="#4878a8")
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_xticks(np.arange(0, signal.size, 1 if signal.size <= 12 else 4))
    axes.tick_params(labelsize=7)
