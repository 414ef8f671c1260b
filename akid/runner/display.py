"""What the local runner shows: a line a member on a terminal, the chief's JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from akid.job import Event
from akid.output import say

if TYPE_CHECKING:
    from rich.progress import TaskID

#: How a trainer begins the message it ends with. It is shown at the end, whichever member's it is.
LAST_WORDS = "akid: "


class Display(Protocol):
    """Shows a job while it runs."""

    def line(self, text: str) -> None:
        """A line of the chief's output."""

    def event(self, event: Event) -> None:
        """Something happened to the job."""

    def member(self, name: str, state: str, progress: Mapping[str, Any]) -> None:
        """How a member is: a word, and what it reported last."""

    def close(self) -> None:
        """The job is over."""


class JsonDisplay:
    """The chief's records and the job's events as lines of JSON; other lines of the chief go to standard error."""

    def line(self, text: str) -> None:
        """See `Display`."""
        record = _record(text)
        if not text.startswith(LAST_WORDS) and "message" not in record:
            say(text, sys.stdout if "kind" in record else sys.stderr)

    def event(self, event: Event) -> None:
        """See `Display`."""
        record = {"kind": "event", "type": event.type, "reason": event.reason, "message": event.message}
        say(json.dumps(record))

    def member(self, name: str, state: str, progress: Mapping[str, Any]) -> None:
        """See `Display`."""

    def close(self) -> None:
        """See `Display`."""


class TerminalDisplay:
    """A line a member: its state, a bar, the step, restarts in place, and the chief's newest measures.

    It draws when something is told, not by a thread: processes are started beside it.

    Args:
        members: their names, the chief first.
    """

    PERIOD = 0.1

    def __init__(self, members: Sequence[str]) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        fields = ("{task.fields[state]}", "step {task.completed:.0f}", "{task.fields[measures]}")
        title, bar = TextColumn("{task.description}"), BarColumn(bar_width=30)
        self._bars = Progress(title, *map(TextColumn, fields[:2]), bar, TextColumn(fields[2]), auto_refresh=False)
        self._tasks: dict[str, TaskID] = {}
        for name in members:
            self._add(name)
        self._chief, self._measures, self._drawn = members[0], "", 0.0
        self._bars.start()

    def _add(self, name: str) -> None:
        self._tasks[name] = self._bars.add_task(name, total=None, state="", measures="")

    def line(self, text: str) -> None:
        """See `Display`."""
        record = _record(text)
        if "kind" in record:
            self._note(record)
        elif "message" not in record and not text.startswith(LAST_WORDS):
            self._bars.console.print(text, markup=False, highlight=False)

    def _note(self, record: Mapping[str, Any]) -> None:
        hidden = ("kind", "step", "epoch", "losses", "lr")
        shown = {k: v for k, v in record.items() if k not in hidden and isinstance(v, int | float)}
        self._measures = "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
        self._bars.update(self._tasks[self._chief], measures=self._measures)

    def event(self, event: Event) -> None:
        """See `Display`."""
        if event.type == "Warning":
            self._bars.console.print(f"{event.reason}: {event.message}", markup=False, highlight=False)

    def member(self, name: str, state: str, progress: Mapping[str, Any]) -> None:
        """See `Display`."""
        in_place = progress.get("in_place_restarts", 0)
        text = f"{state}, {in_place} restarts in place" if in_place else state
        step, total = progress.get("step", 0), progress.get("max_steps")
        if name not in self._tasks:  # of a job that was scaled
            self._add(name)
        self._bars.update(self._tasks[name], state=text, completed=step, total=total)
        if time.monotonic() - self._drawn > self.PERIOD:
            self._drawn = time.monotonic()
            self._bars.refresh()

    def close(self) -> None:
        """See `Display`."""
        self._bars.refresh()
        self._bars.stop()


def display_of(members: Sequence[str]) -> Display:
    """Lines that move on a terminal, JSON lines elsewhere."""
    return TerminalDisplay(members) if sys.stdout.isatty() else JsonDisplay()


def _record(text: str) -> dict[str, Any]:
    """The mapping in a line of JSON; empty if it is none."""
    if not text.startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
