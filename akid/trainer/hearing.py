"""What a supervisor hears: signals, and what its training process reports. Both become events."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from akid.report import Lines, event_of


def hear_signals(tell: Callable[[str], None]) -> None:
    """Tell ``child`` of SIGCHLD and ``signal`` of SIGTERM; by a thread, from now on.

    A handler would not run while the main thread is about to wait.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)

    def listen() -> None:
        while numbers := os.read(reader, 512):
            for number in numbers:
                tell("child" if number == signal.SIGCHLD else "signal")

    threading.Thread(target=listen, name="signals", daemon=True).start()


def hear_reports(pipe: int, put: Callable[[dict[str, Any]], None]) -> None:
    """Put every event of a pipe; by a thread, from now on."""

    def listen() -> None:
        lines = Lines()
        while data := os.read(pipe, 65_536):
            for event in filter(None, map(event_of, lines.feed(data))):
                put(event)

    threading.Thread(target=listen, name="reports", daemon=True).start()


def next_event(events: queue.SimpleQueue[dict[str, Any]], end: float, most: float) -> dict[str, Any]:
    """The next event; ``nothing`` if none came.

    Args:
        events: where they come.
        end: how long to wait for it, a time of the clock that only goes forward ...
        most: ... and seconds.
    """
    try:
        return events.get(timeout=max(0.0, min(end - time.monotonic(), most)))
    except queue.Empty:
        return {"event": "nothing"}
