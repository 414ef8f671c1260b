"""What a runner waits for: output and ends of processes, signals, a time."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Waiter:
    """Descriptors and what to do when one of them has something to say."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, fd: int, call: Callable[[], None]) -> None:
        """From now on ``call`` when ``fd`` can be read."""
        self._selector.register(fd, selectors.EVENT_READ, call)

    def remove(self, fd: int) -> None:
        """Do not look at ``fd`` any more, if it was looked at."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def wait(self, seconds: float | None) -> None:
        """Wait for something, at most so long; None for ever."""
        for key, _ in self._selector.select(None if seconds is None else max(0.0, seconds)):
            if key.fd in self._selector.get_map():  # an earlier call may have removed it
                key.data()

    def close(self) -> None:
        """Forget everything."""
        self._selector.close()


class Signals:
    """The signals to end that came, in order."""

    def __init__(self) -> None:
        self.came: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.came)


@contextmanager
def signals_wake(waiter: Waiter) -> Iterator[Signals]:
    """In this context SIGTERM and SIGINT are noted, and end a wait."""
    signals = Signals()
    reader, writer = os.pipe()
    for fd in (reader, writer):
        os.set_blocking(fd, False)

    def note(number: int, frame: FrameType | None) -> None:
        signals.came.append(number)

    def forget(data: bytes) -> None:
        """The handler has noted them."""

    before = {number: signal.signal(number, note) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    waiter.add(reader, lambda: forget(os.read(reader, 512)))
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        waiter.remove(reader)
        os.close(reader)
        os.close(writer)
