"""Pictures of filters: what synapse layers have learnt (paper, Fig. 8), and how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from akid.blocks.system import System
from akid.errors import AkidError, near_match
from akid.layers.inner_product import InnerProductLayer
from akid.layers.synapse import SynapseLayer
from akid.observer.canvas import DIVERGING, Picture, framed, new_figure, saved, whole_numbers
from akid.pictures.filters import FilterStatistics, few, filters_of, folded, statistics_of
from akid.pictures.tiles import Layout, arranged, in_colour, limit_of, near_square, tiled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Patches drawn of a layer; of a larger one its first filters are shown.
MOST_PATCHES = 2048
#: Panels of one figure.
MOST_PANELS = 12


@dataclass(frozen=True)
class Synapse:
    """A synapse layer as it is drawn.

    Attributes:
        name: full name of the layer.
        kind: its class.
        filters: ``[filter, channel, height, width]``, those of inner products folded.
        biases: ``[filter]``, or None.
        flat: ``[filter, weights]``, what leads into each output.
        is_first: whether no synapse layer stands before it, so that three channels are colours.
    """

    name: str
    kind: str
    filters: np.ndarray
    biases: np.ndarray | None
    flat: np.ndarray
    is_first: bool


def synapses_of(brain: System, layers: Sequence[str] | None = None) -> list[Synapse]:
    """The synapse layers of a brain that is built.

    Args:
        brain: nested ones are looked into.
        layers: full names of those wanted; all if left out.

    Raises:
        AkidError: there is none of such a name, with a near match; or none at all.
    """
    found = {name: block for name, block in brain.named_blocks() if isinstance(block, SynapseLayer)}
    for name in layers or ():
        if name not in found:
            raise AkidError(
                f"The brain {brain.name!r} has no synapse layer {name!r}. {near_match(name, found)}"
                f" Received: layers={list(layers or ())!r}"
            )
    if not found:
        raise AkidError(f"The brain {brain.name!r} has no synapse layers, so there are no filters to look at.")
    first = next(iter(found))
    return [_synapse(name, found[name], name == first) for name in layers or found]


def _synapse(name: str, layer: SynapseLayer, is_first: bool) -> Synapse:
    filters = filters_of(layer.weights.numpy(), layer.norm_axes)
    shape = layer.in_shape if isinstance(layer, InnerProductLayer) else None
    biases = None if layer.biases is None else layer.biases.numpy()
    flat = filters.reshape(len(filters), -1)
    return Synapse(name, type(layer).__name__, folded(filters, shape), biases, flat, is_first)


def filters_picture(synapse: Synapse, layout: Layout, directory: Path) -> Picture:
    """Draw a layer's filters on one scale, red above zero, blue below; those of coloured images in colour."""
    shown = few(synapse.filters, MOST_PATCHES)
    title = _title(synapse, shown)
    if synapse.is_first and shown.shape[1] == 3:
        patches = in_colour(shown)
        figure = framed(tiled(patches, near_square(*patches.shape[:3])), title, DIVERGING, has_bar=False)
    else:
        biases = None if synapse.biases is None else synapse.biases[: len(shown)]
        figure = framed(arranged(shown, biases, layout), title, DIVERGING, limit_of(shown))
    return saved(figure, directory, f"{synapse.name}_filters")


def _title(synapse: Synapse, shown: np.ndarray) -> str:
    count, channels, height, width = synapse.filters.shape
    part = f"{len(shown)} of " if len(shown) < count else ""
    part_of = f"{shown.shape[1]} of " if shown.shape[1] < channels else ""
    of = f" of {part_of}{channels} channels" if channels > 1 else ""
    return f"{synapse.name}: {part}{count} filters, {height} x {width}{of}"


def norms_pictures(rows: Sequence[FilterStatistics], directory: Path) -> list[Picture]:
    """Histograms of the norms of each layer's filters, a few layers a figure."""
    pages = [rows[i : i + MOST_PANELS] for i in range(0, len(rows), MOST_PANELS)]
    made = []
    for number, page in enumerate(pages, 1):
        name = "filter_norms" if len(pages) == 1 else f"filter_norms_{number}"
        made.append(saved(_norms_figure(page), directory, name))
    return made


def _norms_figure(rows: Sequence[FilterStatistics]) -> Figure:
    columns = min(len(rows), 3 if len(rows) > 4 else 2)
    lines = -(-len(rows) // columns)
    figure = new_figure(3.0 * columns, 2.2 * lines)
    for i, row in enumerate(rows):
        axes = figure.add_subplot(lines, columns, i + 1)
        axes.hist(row.norms, bins=min(max(row.filters // 3, 8), 40), color="#4878a8")
        axes.set_title(f"{row.layer}: {row.filters} filters, {row.dead} dead", fontsize=8)
        axes.set_xlabel("L2 norm", fontsize=7)
        axes.set_ylabel("filters", fontsize=7)
        axes.tick_params(labelsize=7)
        whole_numbers(axes.yaxis, 6)
    return figure


def statistics(synapses: Sequence[Synapse]) -> tuple[FilterStatistics, ...]:
    """What the filters of each layer are like."""
    return tuple(statistics_of(s.name, s.flat) for s in synapses)


def table(rows: Sequence[FilterStatistics]) -> str:
    """The statistics as text, a line a layer."""
    head = ("layer", "filters", "dead", "norm", "smallest", "largest", "mean", "std", "zeros")
    body: list[tuple[Any, ...]] = [
        (
            row.layer,
            row.filters,
            row.dead,
            *(f"{x:.3g}" for x in (row.norms.mean(), row.norms.min(), row.norms.max(), row.mean, row.std)),
            f"{row.zeros:.0%}",
        )
        for row in rows
    ]
    cells = [tuple(map(str, line)) for line in (head, *body)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)
