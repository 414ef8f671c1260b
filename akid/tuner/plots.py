"""Pictures of a tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from akid.errors import DataError
from akid.observer.canvas import new_figure, saved
from akid.tuner.table import parameters_of, varying

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from akid.kids.stopping import Goal
    from akid.tuner.trial import Trial

#: Characters of a label at most.
LONGEST = 18
#: What stands behind a text on lines.
_BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def parallel_coordinates(trials: Sequence[Trial], goal: Goal, path: Path) -> Path:
    """See `TuneResult.plot_parallel_coordinates`."""
    _check_any(trials, goal)
    names = [name for name in varying(trials) if name != "repeat"]
    axes = [_positions([parameters_of(trial).get(name) for trial in trials]) for name in names]
    objective = _positions([trial.best for trial in trials])
    columns = [*axes, objective]
    figure, ax = _figure(2.2 * len(columns) + 1.5, 4.2)
    from matplotlib import colormaps

    score = objective[0] if goal.goal == "max" else 1 - objective[0]
    for index in np.argsort(score):  # the best on top
        color = colormaps["viridis"](float(score[index]))
        ax.plot([column[0][index] for column in columns], color=color, alpha=0.85)
    labels = [_short(name.partition(".")[2] or name) for name in names]
    ax.set_xticks(range(len(columns)), [*labels, f"best {goal.metric}"])
    ax.set_yticks([])
    ax.set_xlim(-0.3, len(columns) - 0.35)
    for place, (_, ticks) in enumerate(columns):
        ax.axvline(place, color="0.6", linewidth=0.8)
        for height, text in ticks:
            ax.text(place + 0.02, height, _short(text), fontsize=8, va="center", bbox=_BEHIND)
    ax.set_title(f"{len(trials)} instances; brighter is better")
    return _save(figure, path)


def bars(trials: Sequence[Trial], goal: Goal, path: Path) -> Path:
    """See `TuneResult.plot_bars`."""
    _check_any(trials, goal)
    sign = 1 if goal.goal == "min" else -1
    trials = sorted(trials, key=lambda trial: sign * float(trial.best or 0.0))
    names = varying(trials)
    figure, ax = _figure(7.5, 1.2 + 0.32 * len(trials))
    labels = [_label(trial, names) for trial in trials]
    heights = [float(trial.best or 0.0) for trial in trials]
    drawn = ax.barh(range(len(trials)), heights, color=["#1f77b4"] + ["#9ec5e8"] * (len(trials) - 1))
    ax.bar_label(drawn, [f"{height:.4g}" for height in heights], padding=3, fontsize=8)
    ax.set_yticks(range(len(trials)), labels, fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(f"best {goal.metric}")
    return _save(figure, path)


def _label(trial: Trial, names: Sequence[str]) -> str:
    """The number of an instance and its first parameters."""
    values = parameters_of(trial)
    told = (f"{_short(name.rsplit('.', 1)[-1])}={_short(str(values.get(name)))}" for name in names[:3])
    return f"{trial.number}: " + ", ".join(told)


def _check_any(trials: Sequence[Trial], goal: Goal) -> None:
    if not trials:
        raise DataError(f"a picture needs an instance that measured {goal.metric!r}; none did.")


def _positions(values: Sequence[Any]) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Where on an axis from 0 to 1 the values stand, and the axis' ticks: numbers by size, others side by side."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numbers and len(set(values)) > 1:
        array = np.asarray(values, float)
        wide = array.min() > 0 and array.max() / array.min() >= 50
        scaled = np.log(array) if wide else array
        places = (scaled - scaled.min()) / (scaled.max() - scaled.min())
        different = sorted(set(zip(places.tolist(), array.tolist(), strict=True)))
        shown = different if len(different) <= 5 else [different[0], different[-1]]
        return places, [(place, f"{value:.4g}") for place, value in shown]
    kinds = list(dict.fromkeys(map(repr, values)))
    at = {kind: index / max(1, len(kinds) - 1) if len(kinds) > 1 else 0.5 for index, kind in enumerate(kinds)}
    return np.array([at[repr(value)] for value in values]), [(at[kind], kind.strip("'")) for kind in kinds]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"…{text[-LONGEST + 1 :]}"


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = new_figure(width, height)
    ax = figure.add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    return figure, ax


def _save(figure: Figure, path: Path) -> Path:
    return saved(figure, path.parent, path.stem).paths[0]
