"""Progress: a line that moves on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from akid.output import say
from akid.report import Reporter

#: Fields of a record that are no measures.
HIDDEN = ("kind", "step", "epoch", "seconds", "losses")


class Progress(Protocol):
    """Shows how far practice is."""

    def advance(self, step: int) -> None:
        """So many steps are done."""

    def steps(self, longest: float) -> None:
        """Steps are made from now on; a call took at most so many seconds before."""

    def rest(self) -> None:
        """Something else is done from now on, however long it takes."""

    def note(self, record: Mapping[str, Any]) -> None:
        """Something was measured: a line of ``metrics.jsonl``."""

    def close(self) -> None:
        """Practice is over."""


class NoProgress:
    """Shows nothing."""

    def advance(self, step: int) -> None:
        """See `Progress`."""

    def steps(self, longest: float) -> None:
        """See `Progress`."""

    def rest(self) -> None:
        """See `Progress`."""

    def note(self, record: Mapping[str, Any]) -> None:
        """See `Progress`."""

    def close(self) -> None:
        """See `Progress`."""


class JsonLines(NoProgress):
    """Prints every record as a line of JSON."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def note(self, record: Mapping[str, Any]) -> None:
        """Print it."""
        say(json.dumps(record), self._stream)


class TerminalLine(NoProgress):
    """One line: a bar, the step, the time left, and the newest measures.

    Args:
        first: the step practice starts at.
        last: the step it ends at.
    """

    def __init__(self, first: int, last: int) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.fields[measures]}", markup=False))
        self._task = self._bar.add_task("", total=last, completed=first, measures="")
        self._shown: dict[str, str] = {}
        self._bar.start()

    def advance(self, step: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=step)

    def note(self, record: Mapping[str, Any]) -> None:
        """Show the measures beside the bar."""
        for name, value in record.items():
            if name not in HIDDEN and value is not None:
                self._shown[name] = f"{value:,.0f}" if name == "examples_per_second" else f"{value:.4g}"
        text = "  ".join(f"{name} {value}" for name, value in self._shown.items())
        self._bar.update(self._task, measures=text)

    def close(self) -> None:
        """Leave the line as it is."""
        self._bar.stop()


class Reported(NoProgress):
    """Tells whoever started this process too.

    Args:
        shown: what shows it here.
        reporter: what tells it.
        first: the step practice starts at.
        last: the step it ends at.
    """

    FACTS = ("epoch", "loss", "val_loss", "examples_per_second")

    def __init__(self, shown: Progress, reporter: Reporter, first: int, last: int) -> None:
        self._shown, self._reporter = shown, reporter
        reporter.step(first, max_steps=last)

    def advance(self, step: int) -> None:
        """See `Progress`."""
        self._reporter.step(step)
        self._shown.advance(step)

    def steps(self, longest: float) -> None:
        """See `Progress`."""
        self._reporter.steps(longest)

    def rest(self) -> None:
        """See `Progress`."""
        self._reporter.rest()

    def note(self, record: Mapping[str, Any]) -> None:
        """See `Progress`."""
        metrics = {n: v for n, v in record.items() if n not in (*self.FACTS, *HIDDEN, "lr")}
        facts = {name: record.get(name) for name in self.FACTS}
        self._reporter.step(int(record.get("step", 0)), **facts, metrics=metrics or None)
        self._shown.note(record)

    def close(self) -> None:
        """See `Progress`."""
        self._reporter.last_step()
        self._shown.close()


def progress_of(show: bool | None, first: int, last: int) -> Progress:
    """A moving line on a terminal, JSON lines elsewhere; nothing if ``show`` is False.

    A process that was started by a supervisor or a runner tells them as well.
    """
    shown: Progress = NoProgress()
    if show is not False:
        shown = TerminalLine(first, last) if sys.stdout.isatty() else JsonLines()
    reporter = Reporter.from_environment()
    return Reported(shown, reporter, first, last) if reporter.useful else shown
