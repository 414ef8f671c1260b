"""How far the training is, over all generations: steps, speed, steps made again, goodput. Times are given."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from akid.prometheus import family
from akid.report import MAX_MESSAGE, shortened

#: Facts of a training process' reports, by the names of an AkidJob's status.
FACTS = {
    "max_steps": "maxSteps", "epoch": "epoch", "loss": "loss", "val_loss": "valLoss", "metrics": "metrics",
    "examples_per_second": "examplesPerSecond",
}  # fmt: skip
HELP = {
    "step": "Steps (batches) trained.", "maxSteps": "Steps to train.", "epoch": "Epochs trained.",
    "loss": "Last training loss.", "valLoss": "Last validation loss.",
    "examplesPerSecond": "Speed, examples a second.", "generation": "Times all members began together.",
    "inPlaceRestarts": "Times a training process was started again by its supervisor.",
    "stepsRedone": "Steps made again after a loss.",
    "goodput": "Time of steps that counted over all time since the first step, 0 to 1.",
}  # fmt: skip


@dataclass
class Progress:
    """What was reported.

    Args:
        step: of the newest report.
        highest: the highest step ever.
        generation: the newest.
        in_place_restarts: training processes started after the first.
        steps_redone: steps made again.
    """

    step: int = 0
    highest: int = 0
    generation: int = 0
    in_place_restarts: int = 0
    steps_redone: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    _started: int = 0
    _first: float | None = None
    _last: tuple[float, int] | None = None
    _begun: tuple[float, int] | None = None
    _useful: float = 0.0

    @property
    def told(self) -> bool:
        """Whether this generation's training process has reported a step, even if only the one it began at."""
        return self._last is not None

    def begin(self, generation: int) -> None:
        """A training process is started."""
        self.generation = generation
        self._last = self._begun = None
        self.in_place_restarts += 1 if self._started else 0
        self._started += 1

    def report(self, event: Mapping[str, Any], now: float) -> None:
        """A training process told its step: the first time the one it goes on from.

        Args:
            event: see `akid.report`.
            now: seconds of a clock that only goes forward.
        """
        step = event.get("step")
        if not isinstance(step, int):
            return
        if self._last is None:
            self.steps_redone += max(0, self.highest - step)
            self._begun = (now, step)
            self._first = now if self._first is None else self._first
        elif step > self.highest:
            before, reached = self._last
            share = min(1.0, (step - self.highest) / max(1, step - reached))
            self._useful += (now - before) * share
        self._last = (now, step)
        self.step, self.highest = step, max(self.highest, step)
        self.facts |= {name: event[given] for given, name in FACTS.items() if event.get(given) is not None}

    def account(self, now: float) -> dict[str, float]:
        """What is lost with the chief's supervisor unless others know it; see `adopt`."""
        elapsed = 0.0 if self._first is None else now - self._first
        counts = {"in_place_restarts": self.in_place_restarts, "steps_redone": self.steps_redone}
        return {**counts, "useful": self._useful, "elapsed": elapsed}

    def adopt(self, account: Mapping[str, float], now: float) -> None:
        """Go on counting from what another supervisor counted; nothing becomes less.

        Args:
            account: what `account` gave, as old as it is by now.
            now: seconds of the clock of `report`.
        """
        self.in_place_restarts = max(self.in_place_restarts, int(account.get("in_place_restarts", 0)))
        self.steps_redone = max(self.steps_redone, int(account.get("steps_redone", 0)))
        self._useful = max(self._useful, float(account.get("useful", 0.0)))
        if elapsed := float(account.get("elapsed", 0.0)):
            self._first = min(now - elapsed, now if self._first is None else self._first)

    def goodput(self, now: float) -> float | None:
        """The share of the time since the first step that went into steps that count; None before it."""
        if self._first is None or now <= self._first:
            return None
        return min(1.0, self._useful / (now - self._first))

    def status(self, now: float, clock: float) -> dict[str, Any]:
        """What `/status` shows.

        Args:
            now: seconds of the clock of `report`.
            clock: seconds since 1970.
        """
        values = {
            "step": self.step,
            **self.facts,
            "eta": self._eta(clock),
            "generation": self.generation,
            "inPlaceRestarts": self.in_place_restarts,
            "stepsRedone": self.steps_redone,
            "goodput": self.goodput(now),
        }
        return {name: _rounded(value) for name, value in values.items() if value is not None}

    def _eta(self, clock: float) -> str | None:
        total = self.facts.get("maxSteps")
        if not isinstance(total, int) or self._begun is None or self._last is None:
            return None
        seconds, steps = self._last[0] - self._begun[0], self._last[1] - self._begun[1]
        if steps <= 0:
            return None
        end = clock + max(0, total - self.step) * seconds / steps
        return datetime.fromtimestamp(end, UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def last_words(status: Mapping[str, Any], error: str = "") -> str:
    """A termination message of at most `MAX_MESSAGE` bytes: why it failed; its last line is the status (JSON).

    Args:
        status: as `/status` shows it; empty for none. Without its metrics, if they would leave no room.
        error: why it failed; its end, if there is more than fits.
    """
    if not status:
        return shortened(error)
    text = json.dumps(status, allow_nan=False)
    if len(text) > (MAX_MESSAGE // 2 if error else MAX_MESSAGE):
        text = json.dumps({name: value for name, value in status.items() if name != "metrics"}, allow_nan=False)
    return f"{shortened(error, MAX_MESSAGE - len(text) - 1)}\n{text}" if error else text


def prometheus(status: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """A status in Prometheus' text format."""
    lines: list[str] = []
    for name, text in HELP.items():
        value = status.get(name)
        if isinstance(value, int | float):
            metric = "akid_" + "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
            lines += family(metric, "gauge", text, [("", labels, value)])
    return "\n".join(lines) + "\n"


def _rounded(value: Any) -> Any:
    """Six digits; what is no number of JSON is left out by whoever reported it."""
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else value
