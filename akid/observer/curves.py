"""Pictures of a training: distributions (paper, Fig. 5), scalars (Fig. 6) and sparsity over the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from akid.observer.canvas import Picture, new_figure, saved, whole_numbers
from akid.pictures.percentiles import percentiles_of
from akid.runs.event_files import Recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

T = TypeVar("T")
Series = Mapping[int, float]
#: The kinds of tensors whose distributions a run records.
DISTRIBUTIONS = ("weights", "gradients", "activations")
_PANELS, _COLUMNS = 12, 3
#: From the outermost region to the innermost.
_SHADES = ("#fde3c8", "#fbc48f", "#f59d4f", "#e67e22")
#: At most so many lines are told apart by their colours.
_MOST_LINES = 20


def distribution_pictures(recorded: Recorded, directory: Path) -> list[Picture]:
    """The percentiles of every tensor over the steps: ``distributions_weights`` and so on, a dozen a page."""
    made = []
    for kind in DISTRIBUTIONS:
        zeros = recorded.under("sparsity/") if kind == "activations" else {}
        panels = {}
        for tag, tables in recorded.histograms.items():
            if tag.startswith(f"{kind}/") and tables:
                name = tag.removeprefix(f"{kind}/")
                panels[name] = percentile_lines(tables, zeros.get(name, {}))
        for suffix, page in _pages(panels):
            columns = min(_COLUMNS, len(page))
            rows = math.ceil(len(page) / columns)
            figure = new_figure(3.0 * columns, 2.1 * rows)
            for i, (name, (steps, lines)) in enumerate(page.items()):
                _draw_bands(figure.add_subplot(rows, columns, i + 1), name, steps, lines)
            figure.supxlabel("step", fontsize=8)
            made.append(saved(figure, directory, f"distributions_{kind}{suffix}"))
    return made


def _pages(panels: Mapping[str, T]) -> list[tuple[str, dict[str, T]]]:
    """Panels by figure, and what tells the figures' names apart."""
    items = list(panels.items())
    pages = [dict(items[i : i + _PANELS]) for i in range(0, len(items), _PANELS)]
    return [("" if len(pages) == 1 else f"_{number}", page) for number, page in enumerate(pages, 1)]


def percentile_lines(tables: Mapping[int, np.ndarray], zeros: Series) -> tuple[list[int], np.ndarray]:
    """The steps, and float64 ``[levels, steps]``.

    Args:
        tables: histograms by step.
        zeros: the fraction of zeros by step, where it is known.
    """
    steps = sorted(tables)
    return steps, np.array([percentiles_of(tables[step], zeros.get(step, 0.0)) for step in steps]).T


def _draw_bands(axes: Axes, name: str, steps: list[int], lines: np.ndarray) -> None:
    for i, shade in enumerate(_SHADES):
        axes.fill_between(steps, lines[i], lines[-1 - i], color=shade, linewidth=0)
    for line in lines:
        axes.plot(steps, line, color="#a04000", linewidth=0.4)
    is_alone = len(steps) == 1
    axes.plot(steps, lines[len(lines) // 2], color="#a04000", linewidth=1.2, marker="o" if is_alone else "")
    axes.set_title(name, fontsize=8)
    axes.tick_params(labelsize=7)
    whole_numbers(axes.xaxis, 5)
    axes.margins(x=0)
    axes.grid(alpha=0.3, linewidth=0.4)


def sparsity_picture(curves: Mapping[str, Series], directory: Path) -> Picture:
    """The fraction of zeros among each block's activations, over the steps."""
    figure = new_figure(5.2, 3.2)
    axes = figure.add_subplot()
    _draw_lines(axes, curves, "sparsity of activations")
    axes.set_ylim(0, 1)
    axes.set_xlabel("step", fontsize=8)
    axes.set_ylabel("fraction of zeros", fontsize=8)
    return saved(figure, directory, "sparsity")


def scalars_picture(recorded: Recorded, sparsity: Mapping[str, Series], directory: Path) -> Picture:
    """Loss, measures, learning rate, regularisation, sparsity and gradients over the steps; those there are."""
    panels = {title: curves for title, curves in _panels(recorded, sparsity).items() if any(curves.values())}
    columns = min(_COLUMNS, len(panels)) or 1
    rows = math.ceil(len(panels) / columns) or 1
    figure = new_figure(3.4 * columns, 2.5 * rows)
    for i, (title, curves) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        _draw_lines(axes, curves, title)
        if title.startswith("gradient"):
            axes.set_yscale("log")
        if title.startswith("sparsity"):
            axes.set_ylim(0, 1)
    figure.supxlabel("step", fontsize=8)
    return saved(figure, directory, "scalars")


def _panels(recorded: Recorded, sparsity: Mapping[str, Series]) -> dict[str, Mapping[str, Series]]:
    train, val = recorded.under("train/"), recorded.under("val/")
    measures = [name for name in train if name not in ("loss", "lr", "epoch", "examples_per_second")]
    losses = recorded.under("losses/")
    decays = {name.removesuffix("/wd"): series for name, series in losses.items() if name.endswith("/wd")}
    norms = {"all": recorded.scalars.get("gradient_norm", {}), **recorded.under("gradient_norms/")}
    return {
        "loss": {"training": train.get("loss", {}), "validation": val.get("loss", {})},
        **{m: {"training": train[m], "validation": val.get(m, {})} for m in measures},
        "learning rate": {"": train.get("lr", {})},
        "regularisation loss": decays,
        "sparsity of activations": sparsity,
        "gradient norm": {name: series for name, series in norms.items() if not name.endswith("/biases")},
    }


def _draw_lines(axes: Axes, curves: Mapping[str, Series], title: str) -> None:
    from matplotlib import colormaps

    named = {name: series for name, series in curves.items() if series}
    colours = colormaps["tab10" if len(named) <= 10 else "tab20"]
    for i, (name, series) in enumerate(named.items()):
        steps = sorted(series)
        values = [series[step] for step in steps]
        marker = "o" if len(steps) <= 12 else ""
        label = name if i < _MOST_LINES else ""
        axes.plot(steps, values, color=colours(i % colours.N), label=label, lw=1.1, marker=marker, markersize=2.5)
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3, linewidth=0.4)
    whole_numbers(axes.xaxis, 6)
    if any(named):
        axes.legend(fontsize=6, framealpha=0.75, edgecolor="none", ncols=2 if len(named) > 8 else 1)


def activation_curves(recorded: Recorded, blocks: Sequence[str] | None) -> dict[str, dict[int, float]]:
    """The sparsity curves of these blocks, or of all with zeros at some step."""
    curves = recorded.under("sparsity/")
    if blocks is None:
        return {name: series for name, series in curves.items() if any(series.values())}
    return {name: curves[name] for name in blocks if name in curves}
