"""What a process tells the one that started it: JSON lines on a pipe, whose descriptor is in $AKID_REPORT_FD.

A training process tells its supervisor, and a supervisor the local runner, by the same events:

    {"event": "step", "generation": 3, "step": 120, "loss": 0.31}     so many steps are done; facts as far as known
    {"event": "steps", "generation": 3, "longest": 0.4}               steps are made now; a call took so long
    {"event": "rest", "generation": 3}                                something else is done, and may take long
    {"event": "peer_lost", "generation": 3, "message": "..."}         it ends because another member is gone
    {"event": "storage_away", "generation": 3, "message": "..."}      it ends because a file system was away
    {"event": "done", "generation": 3}                                every step is made and everything is on disk
    {"event": "error", "generation": 3, "message": "..."}             why it ends with a code of its own
    {"event": "training", "generation": 3, "pid": 4711, ...}          a supervisor's: a training process began

Standard library only.
"""

from __future__ import annotations

import json
import math
import os
import select
import time
from collections.abc import Mapping
from typing import Any

FD, GENERATION, FAULT = "AKID_REPORT_FD", "AKID_GENERATION", "AKID_FAULT_EXIT"
#: Longest text of an error, in bytes: that of a termination message.
MAX_MESSAGE = 4096
#: Seconds between two reports of steps.
PERIOD = 0.01


class Reporter:
    """Tells what happens. Without a pipe, or once nobody listens, it tells nothing.

    Args:
        fd: descriptor of the pipe; None for none.
        generation: the generation of this process, so that what an older one said last is known as such.
        fault: (step, exit code): a fault on purpose, from that step on; see `akid run --chaos`.
    """

    def __init__(self, fd: int | None, generation: int = 0, fault: tuple[int, int] | None = None) -> None:
        self._fd, self._generation, self._fault = fd, generation, fault
        self._told = -math.inf
        self._left_out: int | None = None
        self._makes_steps = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Reporter:
        """The reporter of this process."""
        fd, fault = environment.get(FD, ""), environment.get(FAULT, "")
        step, _, code = fault.partition(":")
        return cls(
            int(fd) if fd.isdigit() else None,
            int(environment.get(GENERATION) or 0),
            (int(step), int(code)) if step.isdigit() and code.isdigit() else None,
        )

    @property
    def useful(self) -> bool:
        """Whether there is a pipe, or a fault on purpose to make."""
        return self._fd is not None or self._fault is not None

    def step(self, step: int, **facts: Any) -> None:
        """So many steps are done. A report is left out if one was made just before, or the pipe is full.

        Args:
            step: steps of the whole run.
            facts: such as max_steps, epoch, loss, metrics, examples_per_second; not finite numbers are left out.
        """
        if self._fault is not None and step >= self._fault[0]:
            os._exit(self._fault[1])
        if self._fd is None:
            return
        now = time.monotonic()
        if (now - self._told < PERIOD and not facts) or not select.select([], [self._fd], [], 0)[1]:
            self._left_out = step
            return
        self._told, self._left_out = now, None
        self.tell("step", step=step, **_finite(facts))

    def last_step(self) -> None:
        """No more steps are made: tell the newest if it was left out."""
        if self._left_out is not None:
            self.tell("step", step=self._left_out)
            self._left_out = None

    def steps(self, longest: float) -> None:
        """From now on steps are made; told if something else was done before.

        Args:
            longest: seconds that calls took before, at most.
        """
        if not self._makes_steps:
            self._makes_steps = True
            self.tell("steps", longest=longest)

    def rest(self) -> None:
        """From now on something else is done, however long it takes; told if steps were made before."""
        if self._makes_steps:
            self._makes_steps = False
            self.tell("rest")

    def peer_lost(self, message: str) -> None:
        """This process ends because another member is gone: nothing is wrong with it."""
        self.tell("peer_lost", message=shortened(message))

    def storage_away(self, message: str) -> None:
        """This process ends because a file system was away, and is there again: nothing is wrong with it."""
        self.tell("storage_away", message=shortened(message))

    def done(self) -> None:
        """Every step is made and everything is on disk."""
        self.tell("done")

    def error(self, message: str) -> None:
        """Why this process ends with an exit code of its own, in words for the user."""
        self.tell("error", message=shortened(message))

    def tell(self, event: str, **facts: Any) -> None:
        """Send any event."""
        if self._fd is None:
            return
        line = json.dumps({"event": event, "generation": self._generation, **facts}).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError:
            self._fd = None


class Lines:
    """Bytes as they come from a pipe, cut into lines."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self._rest, self._limit = b"", limit

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends; one longer than the limit is cut."""
        *lines, rest = (self._rest + data).split(b"\n")
        if len(rest) > self._limit:
            lines, rest = [*lines, rest], b""
        self._rest = rest
        return lines

    def rest(self) -> list[bytes]:
        """What came after the last end of a line."""
        lines, self._rest = [self._rest] if self._rest else [], b""
        return lines


def event_of(line: bytes) -> dict[str, Any] | None:
    """The event in a line; None if it is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def shortened(text: str, most: int = MAX_MESSAGE) -> str:
    """The end of a text, at most so many bytes of UTF-8."""
    return text.encode(errors="replace")[-most:].decode(errors="ignore")


def _finite(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not known, NaN and infinity, which JSON cannot express; also within mappings."""
    cleaned = {name: _finite(value) if isinstance(value, Mapping) else value for name, value in facts.items()}
    return {name: value for name, value in cleaned.items() if value is not None and not _is_odd(value)}


def _is_odd(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
