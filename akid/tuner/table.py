"""The instances of a tuning on a terminal: a table that moves; elsewhere a line for each that ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table as RichTable

from akid.output import say
from akid.runs.flat import flat
from akid.tuner.trial import OVER, Trial

#: Instances a table shows at most while it moves: a terminal has no more lines.
MOST = 30


def parameters_of(trial: Trial) -> dict[str, Any]:
    """The parameters of an instance by path."""
    proposal = trial.proposal
    return flat({"net_paras": proposal.net_paras, "opt_paras": proposal.opt_paras, "repeat": proposal.repeat})


def varying(trials: Sequence[Trial]) -> list[str]:
    """The paths of the parameters that differ somewhere; of those that only vary together, the first."""
    rows = [parameters_of(trial) for trial in trials]
    by_pattern: dict[tuple[int, ...], str] = {}
    for path in dict.fromkeys(path for row in rows for path in row):
        values = [repr(row.get(path, ...)) for row in rows]
        by_pattern.setdefault(tuple(map(values.index, values)), path)
    return [path for pattern, path in by_pattern.items() if any(pattern)]


class Table:
    """Shows the instances.

    Args:
        metric: of the objective.
        show: None: as a table that moves if standard output is a terminal; False: not at all.
    """

    def __init__(self, metric: str, show: bool | None = None) -> None:
        self._metric, self._show, self._told = metric, show, set[int]()
        self._live: Live | None = None
        if show is not False and sys.stdout.isatty():
            self._live = Live(console=Console(), refresh_per_second=4)
            self._live.start()

    def show(self, trials: Sequence[Trial]) -> None:
        """They stand like this now."""
        if self._show is False:
            return
        if self._live is not None:
            self._live.update(rich_table(trials[-MOST:], self._metric))
            return
        for trial in trials:
            if trial.status in OVER and trial.number not in self._told:
                self._told.add(trial.number)
                say(line_of(trial, self._metric))

    def close(self) -> None:
        """Leave it as it is."""
        if self._live is not None:
            self._live.stop()


def line_of(trial: Trial, metric: str) -> str:
    """An instance in a line."""
    known = "nothing measured" if trial.best is None else f"{metric} {trial.best:.4g} at step {trial.best_step}"
    return f"trial {trial.number}: {trial.status}, {trial.error or known} ({trial.seconds:.1f} s)"


def rich_table(trials: Sequence[Trial], metric: str) -> RichTable:
    """A table of the instances: the parameters that differ, and what came of them."""
    names = varying(trials)
    table = RichTable()
    parameters = (name.partition(".")[2] or name for name in names)
    for column in ("trial", *parameters, "status", "step", metric, "seconds"):
        table.add_column(column)
    for trial in trials:
        settings = parameters_of(trial)
        best = "" if trial.best is None else f"{trial.best:.4g}"
        values = (str(settings.get(name, "")) for name in names)
        table.add_row(str(trial.number), *values, trial.status, str(trial.step), best, f"{trial.seconds:.1f}")
    return table
