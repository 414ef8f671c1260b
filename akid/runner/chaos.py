"""Faults on purpose: ``kill:worker-1@step=300``, ``stop:worker-0@every=15s``, ``exit=42:worker-1@step=10``."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from akid.errors import InvalidSpecError, near_match
from akid.report import FAULT

if TYPE_CHECKING:
    from akid.runner.process import Process

Action = Literal["kill", "stop", "term", "exit"]
FORM = "ACTION:MEMBER@step=N or ACTION:MEMBER@every=SECONDSs, ACTION being kill, stop, term or exit=CODE"
_FAULT = re.compile(
    r"(?P<action>kill|stop|term|exit=(?P<code>\d+)):(?P<member>[a-z]+-\d+)"
    r"@(?:step=(?P<step>\d+)|every=(?P<every>\d+(?:\.\d+)?)s)"
)


@dataclass(frozen=True)
class Fault:
    """A fault of one member.

    Args:
        action: kill (SIGKILL) or stop (SIGSTOP) its training process; term: tell the member to end, as a cluster
            does that takes its node away; exit: the training process ends with a code of its own.
        member: e.g. ``worker-1``.
        step: once it made this step; or
        every: again and again after this time, in seconds.
        code: exit's.
    """

    action: Action
    member: str
    step: int | None = None
    every: float | None = None
    code: int = 0


def parse_fault(text: str, members: Sequence[str]) -> Fault:
    """A fault as it is given on the command line.

    Raises:
        InvalidSpecError: it has another form, or there is no such member.
    """
    found = _FAULT.fullmatch(text)
    if found is None:
        raise InvalidSpecError("--chaos", f"expected {FORM}, received {text!r}.")
    if found["member"] not in members:
        problem = f"the job has no member {found['member']!r}."
        raise InvalidSpecError("--chaos", problem, near_match(found["member"], members))
    action = found["action"].partition("=")[0]
    if action == "exit" and (found["step"] is None or not 0 < int(found["code"]) < 256):
        raise InvalidSpecError("--chaos", f"exit takes a code of 1 to 255 and a step, received {text!r}.")
    every = float(found["every"]) if found["every"] else None
    if every == 0:
        raise InvalidSpecError("--chaos", f"expected more than 0 seconds, received {text!r}.")
    step = int(found["step"]) if found["step"] else None
    return Fault(action, found["member"], step, every, int(found["code"] or 0))  # pyright: ignore[reportArgumentType]


class Chaos:
    """The faults that are still to come.

    Args:
        faults: all of them.
        start: the time from which ``every`` counts.
    """

    def __init__(self, faults: Sequence[Fault], start: datetime) -> None:
        self._at_step = [fault for fault in faults if fault.step is not None]
        self._due = {fault: start + timedelta(seconds=fault.every) for fault in faults if fault.every}

    def environment(self, member: str) -> dict[str, str]:
        """What a member that is started is told: a process can only end itself with a code of its own. Once."""
        for fault in self._at_step:
            if fault.action == "exit" and fault.member == member:
                self._at_step.remove(fault)
                return {FAULT: f"{fault.step}:{fault.code}"}
        return {}

    def reached(self, process: Process, victims: Mapping[str, Process]) -> None:
        """A member reported how far it is.

        Args:
            process: the member.
            victims: whose faults go by its steps: itself, and those that make none of their own.
        """
        step = process.progress.get("step", 0)
        for fault in [f for f in self._at_step if f.member in victims and f.action != "exit"]:
            if fault.step is not None and step >= fault.step:
                self._at_step.remove(fault)
                inflict(fault, victims[fault.member])

    def next_time(self) -> datetime | None:
        """When the next fault is due."""
        return min(self._due.values(), default=None)

    def strike(self, processes: Mapping[str, Process], now: datetime) -> None:
        """Make the faults that are due."""
        for fault, due in self._due.items():
            if due <= now:
                self._due[fault] = now + timedelta(seconds=fault.every or 0)
                process = processes.get(fault.member)
                if process is not None and process.alive:
                    inflict(fault, process)


def inflict(fault: Fault, process: Process) -> None:
    """Do it."""
    if fault.action == "term":
        process.stop()
    else:
        process.signal_training(signal.SIGKILL if fault.action == "kill" else signal.SIGSTOP)
