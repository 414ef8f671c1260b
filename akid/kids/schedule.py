"""When a Kid does what: pure functions of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """What is due at which step.

    Attributes:
        last: the step practice ends at.
        train_log, val_log, checkpoint, summary: every how many steps; 0 for never.
        batch_size, epoch_size: examples; an epoch ends with the step that takes its last one.
    """

    last: int
    train_log: int
    val_log: int
    checkpoint: int
    summary: int
    batch_size: int
    epoch_size: int

    def next_stop(self, step: int, epochs: bool = True) -> int:
        """The nearest step after ``step`` at which something is due; the ends of epochs count if asked."""
        every = [self.train_log, self.val_log, self.checkpoint, self.summary]
        stops = [(step // n + 1) * n for n in every if n]
        ends = [self.epoch_end(self.epoch(step) + 1)] if epochs else []
        return min([*stops, *ends, self.last])

    def epoch(self, step: int) -> int:
        """How many epochs are complete at ``step``."""
        return step * self.batch_size // self.epoch_size

    def epoch_end(self, epochs: int) -> int:
        """The step at which so many epochs are complete."""
        return math.ceil(epochs * self.epoch_size / self.batch_size)

    def due(self, every: int, step: int) -> bool:
        """Whether something done every so many steps, and at the end, is due."""
        return bool(every) and (step % every == 0 or step >= self.last)


class Pace:
    """How many steps a call may take, so that Python comes round about twice a second to look at signals."""

    def __init__(self, seconds: float = 0.5) -> None:
        self._seconds = seconds
        self.steps = 1

    def note(self, steps: int, seconds: float) -> None:
        """A call of so many steps took so long; the next may be at most eight times as long."""
        per_step = max(seconds / max(steps, 1), 1e-7)
        self.steps = max(1, min(int(self._seconds / per_step), 8 * self.steps))
