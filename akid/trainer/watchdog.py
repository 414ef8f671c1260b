"""Whether a training process hangs: it is stopped, or its steps stand still. Clocks are given.

Steps can only stand still while they are being made. A training process says when it begins to make them and when
it *rests*, that is, does what may take any time: validations, exports, checkpoints, hooks, and its first call,
which traces the graph. All members of a job rest at the same steps, and begin again together; so one that waits
for another that rests, rests too. How long a step may take is judged by the longest that was seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Seconds between two looks. Time in which nobody looked, since the machine slept, counts no more than twice that.
LOOK = 0.5
#: Seconds after which a process that was stopped (SIGSTOP) is taken for lost.
STOPPED = 1.5
#: Seconds, and times the longest between two reports of steps, whichever is more, after which they stand still.
LEAST, FACTOR = 60.0, 20.0


class Watchdog:
    """Watches one training process.

    Args:
        least: see `LEAST`; 0 never takes steps for standing still.
    """

    def __init__(self, least: float = LEAST) -> None:
        self._least = least
        self._makes_steps = False
        self._longest = self._still = self._stopped = self._heard = 0.0

    @property
    def limit(self) -> float:
        """Seconds without a step after which it hangs."""
        return max(self._least, FACTOR * self._longest)

    def hear(self, event: Mapping[str, Any], now: float) -> None:
        """A report of the training process.

        Args:
            event: see `akid.report`.
            now: seconds of a clock that only goes forward.
        """
        kind = event["event"]
        if kind == "steps":
            self._makes_steps = True
            self._longest = max(self._longest, float(event.get("longest", 0.0)))
        elif kind == "rest":
            self._makes_steps = False
        elif kind == "step" and self._makes_steps:
            self._longest = max(self._longest, now - self._heard)
        self._still, self._heard = 0.0, now

    def look(self, seconds: float, stopped: bool) -> str:
        """Why it hangs; empty if it does not.

        Args:
            seconds: since the last look.
            stopped: whether it is stopped now.
        """
        seconds = min(seconds, 2 * LOOK)
        self._stopped = self._stopped + seconds if stopped else 0.0
        self._still += seconds
        if self._stopped >= STOPPED:
            return "it is stopped (SIGSTOP)"
        if self._makes_steps and self._least and self._still >= self.limit:
            return f"no step for {self._still:.0f} s, where {self._longest:.1f} s were the longest before"
        return ""


class Guard:
    """Looks at a training process now and then, until it is found to hang.

    Args:
        pid: of it.
        watchdog: judges.
    """

    def __init__(self, pid: int, watchdog: Watchdog) -> None:
        self.watchdog = watchdog
        self._stat, self._last, self._done = Path(f"/proc/{pid}/stat"), math.inf, False

    def look(self, now: float) -> str:
        """Why it hangs, once.

        Args:
            now: seconds of a clock that only goes forward.
        """
        if self._done or 0 <= now - self._last < LOOK:
            return ""
        seconds, self._last = max(0.0, now - self._last), now
        problem = self.watchdog.look(seconds, self._is_stopped())
        self._done = bool(problem)
        return problem

    def _is_stopped(self) -> bool:
        """Whether a signal has stopped it; a debugger that holds it is another thing."""
        try:
            return self._stat.read_text().rpartition(")")[2].split()[:1] == ["T"]
        except OSError:
            return False
