"""Figures and the files they become. Nothing here needs a display, and pyplot's global state is left alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from akid.errors import AkidError
from akid.runs.run_dir import writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

DPI = 120
#: Weights below, at and above zero; and what is nowhere.
DIVERGING, GREY, NOWHERE = "RdBu_r", "gray", "#ffffff"


@dataclass(frozen=True)
class Picture:
    """A picture that was made.

    Attributes:
        name: of its file, without the suffix.
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
        name: of the file; slashes in it become dots.
        more: suffixes of other formats to write it in, such as ``svg``.

    Raises:
        StorageError: it cannot be written.
    """
    name = name.replace("/", ".")
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


def heat_map(
    axes: Axes, picture: np.ndarray, limit: float | None = None, colours: str = DIVERGING, low: float | None = None
) -> Any:
    """Draw numbers as colours, one square each.

    Args:
        axes: of a figure.
        picture: ``[height, width]``, or ``[height, width, 3]`` in [0, 1]; NaN stays white.
        limit: end of the scale; its own range if left out.
        colours: a colour map.
        low: begin of the scale; ``-limit`` if left out.

    Returns:
        What a colour bar is made of.
    """
    from matplotlib import colormaps

    axes.set_axis_off()
    if picture.ndim == 3:
        return axes.imshow(np.nan_to_num(picture, nan=1.0), interpolation="nearest")
    table = colormaps[colours].with_extremes(bad=NOWHERE)
    begin = low if limit is None or low is not None else -limit
    return axes.imshow(np.ma.masked_invalid(picture), table, vmin=begin, vmax=limit, interpolation="nearest")


def whole_numbers(axis: Axis, most: int) -> None:
    """Label an axis at whole numbers only, at about so many of them."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, integer=True))


def size_of(picture: np.ndarray, most: float = 9.0, least: float = 2.2) -> tuple[float, float]:
    """Width and height in inches in which each number of a picture has a few pixels, within bounds."""
    height, width = picture.shape[:2]
    per_pixel = min(max(7 / DPI, least / max(height, width)), most / max(height, width))
    return max(width * per_pixel, 1.2), max(height * per_pixel, 0.5)
