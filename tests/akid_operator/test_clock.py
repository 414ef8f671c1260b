"""The server's clock, by the Date of its answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from akid_operator.kube.clock import ServerClock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Own:
    """Our own clock: `wrong` seconds ahead of the true time."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.true = NOON
        self.wrong = timedelta(seconds=wrong)

    def __call__(self) -> datetime:
        return self.true + self.wrong

    def ask(self, clock: ServerClock, there: float = 0.0, back: float = 0.0) -> None:
        """An exchange, whose answer is made after `there` seconds and read after `back` more."""
        sent = self()
        self.true += timedelta(seconds=there)
        date = self.true.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.true += timedelta(seconds=back)
        clock.heard(date, sent)


@pytest.mark.parametrize("wrong", [-7200, -90, -5, 5, 90, 7200])
def test_a_wrong_clock_is_set_right(wrong: float) -> None:
    own = Own(wrong)
    clock = ServerClock(own)
    own.ask(clock, 0.3, 0.3)
    assert abs(clock() - own.true) < timedelta(seconds=2)


@pytest.mark.parametrize(("there", "back"), [(0.0, 0.0), (0.9, 0.0), (0.0, 0.9), (20, 0), (0, 20), (9, 9)])
def test_a_right_clock_is_left_alone_however_slow_an_answer_is(there: float, back: float) -> None:
    own = Own()
    clock = ServerClock(own)
    for _ in range(10):
        own.ask(clock, there, back)
        own.true += timedelta(seconds=1.37)
    assert clock() == own.true


def test_a_clock_that_is_set_is_followed() -> None:
    own = Own(3600)
    clock = ServerClock(own)
    own.ask(clock)
    own.wrong = timedelta()
    own.true += timedelta(seconds=2)
    own.ask(clock)
    assert abs(clock() - own.true) < timedelta(seconds=2)


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Jan 2026 12:00:00 GMT"])
def test_a_date_that_is_none_changes_nothing(date: str) -> None:
    own = Own(5)
    clock = ServerClock(own)
    clock.heard(date, own())
    assert clock() == own()
