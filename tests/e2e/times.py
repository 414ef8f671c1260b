"""How long things took: printed at the end of a run."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager


class Times:
    """In the order in which they were taken."""

    def __init__(self) -> None:
        self._taken: list[tuple[str, float, float | None]] = []

    def note(self, what: str, seconds: float, most: float | None = None) -> None:
        """Keep a time; `most` is what it should be at most where nothing else runs, and is only shown."""
        self._taken.append((what, seconds, most))

    @contextmanager
    def of(self, what: str, most: float | None = None) -> Generator[None]:
        """Keep the time of a block."""
        begun = time.monotonic()
        yield
        self.note(what, time.monotonic() - begun, most)

    def lines(self) -> list[str]:
        """A table; empty if nothing was taken."""
        if not self._taken:
            return []
        width = max(len(what) for what, _, _ in self._taken)
        rows = [f"{what:<{width}}  {seconds:7.2f}  {_bound(seconds, most)}" for what, seconds, most in self._taken]
        return [f"{'':{width}}  seconds  at most, on an idle machine", *map(str.rstrip, rows)]


def _bound(seconds: float, most: float | None) -> str:
    return "" if most is None else f"{most:7g}{'  (took more)' if seconds > most else ''}"
