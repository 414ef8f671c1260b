"""What akid tells an experiment tracker, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol


class Ending(Enum):
    """How a practice ended: at its end, by an error, or by a signal or a lost peer, so that it may go on."""

    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Description:
    """A run, when it begins or goes on.

    Attributes:
        name: for people; need not be its own.
        config: hyper parameters and settings, nested, as JSON has them.
        tags: short texts by name, such as the engine.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Tracker(Protocol):
    """A client of a tracker, at work for one run; every method may block, and raise whatever the client raises."""

    def begin(self, description: Description) -> None:
        """Find the run, or make it; called again if it raised."""

    def log(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Values of a step, by the names of TensorBoard's curves; ``seconds`` since the epoch."""

    def end(self, ending: Ending) -> None:
        """The practice is over; called once, after `begin`."""
