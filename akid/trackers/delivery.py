"""Telling a tracker from a thread of its own: one that is slow, or gone, costs a training nothing."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping

from akid.errors import SupersededError
from akid.trackers.tracker import Description, Ending, Tracker

logger = logging.getLogger(__name__)

#: Messages that wait at most; of more the newest are given up.
MOST = 10_000


class Delivery:
    """Tells one tracker of one run, message by message; each is tried once.

    What goes wrong is told once, and again when it was well meanwhile; it never reaches the training.

    Args:
        label: the tracker's name, for people.
        tracker: what is told.
        description: of the run.
        check: raises a SupersededError once another process trains.
    """

    def __init__(self, label: str, tracker: Tracker, description: Description, check: Callable[[], None]) -> None:
        self._label, self._tracker, self._description, self._check = label, tracker, description, check
        self._messages: queue.Queue[Callable[[], None] | None] = queue.Queue(MOST)
        self._begun, self._well = False, True
        self._thread = threading.Thread(target=self._deliver, name=f"akid-{label}", daemon=True)
        self._put(lambda: None)  # the run is there before its first number is
        self._thread.start()

    def log(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Values of a step; see `Tracker`."""
        self._put(lambda: self._tracker.log(step, seconds, values))

    def end(self, ending: Ending) -> None:
        """The practice is over; what waits is still told, but for what there is no room for beside this."""
        for last in (lambda: self._tracker.end(ending), None):
            while not self._put(last):
                with contextlib.suppress(queue.Empty):
                    self._messages.get_nowait()

    def wait(self, seconds: float) -> None:
        """Wait until all is told, but not longer than this."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._tell(f"it was not told everything: {seconds:g} s were not enough")

    def _put(self, message: Callable[[], None] | None) -> bool:
        """Whether there was room for it."""
        try:
            self._messages.put_nowait(message)
        except queue.Full:
            self._tell(f"it is too slow: {MOST} messages wait")
            return False
        return True

    def _deliver(self) -> None:
        while (message := self._messages.get()) is not None:
            try:
                self._try(message)
            except SupersededError:
                return

    def _try(self, message: Callable[[], None]) -> None:
        try:
            self._check()
            if not self._begun:
                self._tracker.begin(self._description)
                self._begun = True
            message()
        except SupersededError:
            raise
        except Exception as error:  # whatever a client raises, or the server behind it
            self._tell(str(error) or type(error).__name__)
        else:
            self._well = True

    def _tell(self, problem: str) -> None:
        if self._well:
            logger.warning("%s: %s. The training goes on.", self._label, problem.strip().rstrip("."))
        self._well = False
