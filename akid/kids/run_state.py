"""What changes while a Kid practises, beside its variables."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from akid.engines import Tally
from akid.kids.stopping import Standing

T = TypeVar("T")


@dataclass
class RunState:
    """Kept in checkpoints, so that a run goes on as if it had never stopped.

    Attributes:
        standing: how the validations compare.
        tally: sums over the steps since the training loss was logged.
        loss, evals: the last training loss that was logged, and the measures with it.
        val_loss, val_evals: of the last validation.
        validated_step: when that was; -1 for never.
    """

    standing: Standing = field(default_factory=Standing)
    tally: Tally = field(default_factory=Tally)
    loss: float = math.nan
    evals: dict[str, float] = field(default_factory=dict)
    val_loss: float = math.nan
    val_evals: dict[str, float] = field(default_factory=dict)
    validated_step: int = -1

    def measured(self) -> dict[str, Any]:
        """The last training loss and the last validation, as JSON."""
        return {
            "loss": number(self.loss),
            "evals": {name: number(value) for name, value in self.evals.items()},
            "val_loss": number(self.val_loss),
            "val_evals": {name: number(value) for name, value in self.val_evals.items()},
        }

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "standing": dataclasses.asdict(self.standing),
            "tally": dataclasses.asdict(dataclasses.replace(self.tally, last_loss=0.0)),
            "validated_step": self.validated_step,
            "measured": self.measured(),
        }

    def put_back(self, saved: Mapping[str, Any]) -> None:
        """Take up what `to_json` gave."""
        self.standing = Standing(**saved["standing"])
        self.tally = Tally(**saved["tally"])
        self.validated_step = saved["validated_step"]
        before = saved["measured"]
        self.evals, self.val_evals = _numbers(before["evals"]), _numbers(before["val_evals"])
        losses = _numbers({"loss": before["loss"], "val_loss": before["val_loss"]})
        self.loss, self.val_loss = losses["loss"], losses["val_loss"]


class OfState(Generic[T]):
    """An attribute of a Kid that its `RunState` holds, under the same name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, kid: Any, owner: type) -> T:
        if kid is None:
            raise AttributeError(self._name)
        return getattr(kid._state, self._name)

    def __set__(self, kid: Any, value: T) -> None:
        setattr(kid._state, self._name, value)


def number(value: Any) -> Any:
    """The value; None for NaN and infinity, which JSON cannot express."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    """JSON's null back to NaN."""
    return {name: math.nan if value is None else value for name, value in values.items()}
