"""File system calls with a time limit: on a hung mount they do not return, and nothing can stop them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T], late: Callable[[T], object] = lambda result: None) -> T:
    """The result of the work, which is done in a thread of its own.

    Args:
        seconds: how long it is waited for. The thread stays until the call returns; a client's end lets it.
        work: what may hang.
        late: takes a result that nobody waits for any more, for instance to close it.

    Raises:
        TimeoutError: it was not done in time.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # whoever waits gets it
            fault = error
            _settle(lambda: outcome.set_exception(fault))
        else:
            if not _settle(lambda: outcome.set_result(result)):
                late(result)

    threading.Thread(target=run, name="within", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        # Not cancelled: it came in the last moment, or the work itself raised a TimeoutError.
        if outcome.cancel():
            raise TimeoutError(f"no answer within {seconds:g} s") from None
        return outcome.result()


def _settle(give: Callable[[], None]) -> bool:
    """Whether somebody still waits for the outcome."""
    try:
        give()
    except InvalidStateError:
        return False
    return True
