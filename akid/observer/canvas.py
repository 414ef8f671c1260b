"""Figures and the files they become. Nothing here needs a display, and pyplot's global state is left alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from akid.errors import AkidError
from akid.runs.space import writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

DPI = 120
#: Colours of weights below, at and above zero, and of activations.
DIVERGING, SEQUENTIAL = "RdBu_r", "viridis"
#: What has no number; zero weights are white.
_NOWHERE = {DIVERGING: "#8c8c8c"}
#: Pixels: the longer side of a picture, about; its edge, the title, and the colour bar with its numbers.
_SIDE, _EDGE, _TITLE, _BAR = 1100, 10, 28, 70


@dataclass(frozen=True)
class Picture:
    """A picture that was made.

    Attributes:
        name: of its file in the directory of the pictures, without the suffix.
        paths: of its files, the PNG first.
        figure: matplotlib's; None if another program drew it.
    """

    name: str
    paths: tuple[Path, ...]
    figure: Figure | None = None


@dataclass(frozen=True)
class Pictures:
    """Pictures that were made together, by name: ``pictures["conv1_filters"]``, or in order."""

    pictures: tuple[Picture, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """matplotlib's figures."""
        return tuple(p.figure for p in self.pictures if p.figure is not None)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return tuple(path for picture in self.pictures for path in picture.paths)

    def __getitem__(self, name: str) -> Picture:
        return {p.name: p for p in self.pictures}[name]

    def __iter__(self) -> Iterator[Picture]:
        return iter(self.pictures)

    def __len__(self) -> int:
        return len(self.pictures)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure.

    Args:
        width, height: in inches.

    Raises:
        AkidError: matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def check_matplotlib() -> None:
    """Raises an AkidError if pictures cannot be drawn here."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise AkidError(
            "Pictures are drawn by matplotlib, which is not installed: pip install 'akid[observe]'."
            f" Received: {error}"
        ) from error


def saved(figure: Figure, directory: Path, name: str, *more: str) -> Picture:
    """Write a figure as PNG.

    Args:
        figure: drawn.
        directory: made if it is not there.
        name: of the file; that of a block in a nested brain has a directory, ``unit/conv1_filters``.
        more: suffixes of other formats to write it in, such as ``svg``.

    Raises:
        StorageError: it cannot be written.
    """
    paths = tuple(directory / f"{name}.{suffix}" for suffix in ("png", *more))
    for path in paths:
        buffer = io.BytesIO()
        # Without the date and the version the same numbers give the same bytes.
        nothing = {"Software": None} if path.suffix == ".png" else {"Date": None}
        figure.savefig(buffer, format=path.suffix[1:], metadata=nothing)
        write_picture(path, buffer.getvalue())
    return Picture(name, paths, figure)


def write_picture(path: Path, content: bytes) -> None:
    """Write a file, and the directory it is in.

    Raises:
        StorageError: it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def heat_map(axes: Axes, picture: np.ndarray, colours: str = DIVERGING, limit: float | None = None) -> Any:
    """Draw numbers as colours, one square each.

    Args:
        axes: of a figure.
        picture: ``[height, width]``, or ``[height, width, 3]`` in [0, 1]; NaN is nothing.
        colours: a colour map.
        limit: the scale is ``-limit`` to ``limit``; the picture's own range if left out.

    Returns:
        What a colour bar is made of.
    """
    from matplotlib import colormaps

    axes.set_axis_off()
    if picture.ndim == 3:
        return axes.imshow(np.nan_to_num(picture, nan=1.0), interpolation="nearest")
    table = colormaps[colours].with_extremes(bad=_NOWHERE.get(colours, "white"))
    low = None if limit is None else -limit
    return axes.imshow(np.ma.masked_invalid(picture), table, vmin=low, vmax=limit, interpolation="nearest")


def framed(
    picture: np.ndarray, title: str, colours: str, limit: float | None = None, has_bar: bool = True
) -> Figure:
    """A figure of one picture, each number a square of the same whole number of pixels, and a colour bar.

    Args:
        picture, colours, limit: see `heat_map`.
        title: above it.
        has_bar: whether the numbers are worth a colour bar.
    """
    height, width = picture.shape[:2]
    times = min(max(round(_SIDE / max(height, width)), 2), 24)
    height, width = height * times, width * times
    total = max(width + 2 * _EDGE + (_BAR if has_bar else 0), 7 * len(title)), height + _TITLE + _EDGE
    figure = new_figure(total[0] / DPI, total[1] / DPI)
    figure.set_layout_engine("none")
    axes = figure.add_axes((_EDGE / total[0], _EDGE / total[1], width / total[0], height / total[1]))
    drawn = heat_map(axes, picture, colours, limit)
    figure.text(_EDGE / total[0], 1 - 6 / total[1], title, fontsize=8, ha="left", va="top")
    if has_bar:
        tall = min(height, 360)
        beside = (width + 2 * _EDGE) / total[0], (_EDGE + height - tall) / total[1], 10 / total[0], tall / total[1]
        figure.colorbar(drawn, cax=figure.add_axes(beside)).ax.tick_params(labelsize=7)
    return figure


def whole_numbers(axis: Axis, most: int) -> None:
    """Label an axis at whole numbers only, at about so many of them."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, integer=True))
