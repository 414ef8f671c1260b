"""When a training process hangs: stopped, or its steps stand still."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from runner.stubs import wait_until

from akid.trainer.watchdog import FACTOR, LEAST, LOOK, STOPPED, Guard, Watchdog


def seconds_until_told(watchdog: Watchdog, *, stopped: bool = False, most: float = 10_000.0) -> float:
    """How long it looks until it finds a hang; infinite if it does not."""
    seconds = 0.0
    while seconds < most:
        seconds += LOOK
        if watchdog.look(LOOK, stopped):
            return seconds
    return float("inf")


def event(kind: str, **facts: object) -> dict[str, object]:
    return {"event": kind, **facts}


def test_a_stopped_process_hangs_soon():
    assert seconds_until_told(Watchdog(), stopped=True) == STOPPED


def test_one_that_goes_on_in_time_does_not():
    watchdog = Watchdog()
    for _ in range(100):
        assert not watchdog.look(LOOK, stopped=True)
        assert not watchdog.look(LOOK, stopped=False)


def test_steps_that_stand_still_are_a_hang():
    watchdog = Watchdog()
    watchdog.hear(event("steps", longest=0.1), 0.0)
    watchdog.hear(event("step", step=3), 0.1)
    assert seconds_until_told(watchdog) == LEAST


@pytest.mark.parametrize("heard", [[], ["rest"], ["steps", "step", "rest"], ["step"]])
def test_what_may_take_any_time_is_none(heard):
    watchdog = Watchdog()
    for kind in heard:
        watchdog.hear(event(kind), 1.0)
    assert seconds_until_told(watchdog) == float("inf")


def test_long_steps_have_longer():
    told = Watchdog()
    told.hear(event("steps", longest=30.0), 0.0)
    assert seconds_until_told(told) == FACTOR * 30
    seen = Watchdog()
    seen.hear(event("steps", longest=1.0), 0.0)
    seen.hear(event("step", step=1), 40.0)
    assert seen.limit == FACTOR * 40


def test_it_can_be_turned_off():
    watchdog = Watchdog(0)
    watchdog.hear(event("steps", longest=0.1), 0.0)
    assert seconds_until_told(watchdog) == float("inf")


def test_time_in_which_the_machine_slept_does_not_count():
    watchdog = Watchdog()
    watchdog.hear(event("steps", longest=0.1), 0.0)
    assert not watchdog.look(10 * LEAST, stopped=False)


def test_a_process_is_found_stopped_by_what_the_kernel_says():
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        guard, clock = Guard(sleeper.pid, Watchdog()), iter(range(10_000))
        assert not any(guard.look(LOOK * next(clock)) for _ in range(20))
        os.kill(sleeper.pid, signal.SIGSTOP)
        assert "is stopped" in wait_until(lambda: guard.look(LOOK * next(clock)))
        assert not any(guard.look(LOOK * next(clock)) for _ in range(20)), "it is told once"
        sleeper.kill()
