"""The server's time. Its timestamps are judged by its own clock: ours may be wrong, and deadlines must not be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Less than this is no difference: clocks are read at different moments.
TOLERANCE = timedelta(seconds=1)
SECOND = timedelta(seconds=1)


class ServerClock:
    """Our clock, set right by the Date of the server's answers.

    Args:
        own: our own clock, aware.
    """

    def __init__(self, own: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.own = own
        self._ahead = timedelta()
        self._heard: str = ""

    def __call__(self) -> datetime:
        """The time on the server."""
        return self.own() + self._ahead

    def heard(self, date: str, sent: datetime) -> None:
        """An answer with this Date (of whole seconds) has come in.

        Args:
            date: the header, empty if there is none.
            sent: when it was asked for, by our own clock. The answer was made since: however long it was on
                its way, it says no more than that.
        """
        if date == self._heard:
            return
        self._heard = date
        try:
            told = parsedate_to_datetime(date).replace(tzinfo=UTC)  # always GMT (RFC 9110)
        except ValueError:
            return
        least, most = told - self.own(), told + SECOND - sent
        if not least - TOLERANCE <= self._ahead <= most + TOLERANCE:
            self._ahead = (least + most) / 2
