"""How far a download is: a bar on a terminal, lines of the log elsewhere."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

logger = logging.getLogger(__name__)


class DownloadProgress:
    """Shows the progress of one file; used in a ``with``.

    Args:
        name: of the file.
        begin: bytes that are here already.
        total: bytes in all; None if that is not known.
    """

    def __init__(self, name: str, begin: int, total: int | None) -> None:
        self._name, self._done, self._total = name, begin, total
        self._logged = 0
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(name, total=total, completed=begin)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        size = "unknown size" if self._total is None else f"{self._total:,} bytes"
        logger.info("downloading %s (%s%s)", self._name, size, f", from byte {self._done:,}" if self._done else "")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int) -> None:
        """So many more bytes are here; the log hears of every tenth of the file."""
        self._done += count
        if self._bar is not None:
            self._bar.advance(self._task, count)
        elif self._total and self._done * 10 // self._total > self._logged:
            self._logged = self._done * 10 // self._total
            logger.info("%s: %d %%", self._name, self._logged * 10)
