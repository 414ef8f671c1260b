"""Signals: a run that is told to end first saves what it has."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Exit code of a run that was told to end by SIGTERM and saved a checkpoint: 128 + 15.
TERMINATED = 143


class Interrupted(Exception):  # noqa: N818 - not an error: what was asked for
    """Something long was given up because the run is told to end."""


class Interrupt:
    """The first signal that came, if one did."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def absent(self) -> bool:
        """Whether none came yet."""
        return self.signal is None


@contextmanager
def catch_signals() -> Iterator[Interrupt]:
    """In this context SIGTERM and SIGINT are noted instead of ending the process; a second SIGINT ends it.

    Outside of the main thread Python delivers no signals, and nothing is changed.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def note(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and interrupt.signal is not None:
            raise KeyboardInterrupt
        interrupt.signal = interrupt.signal or number

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
