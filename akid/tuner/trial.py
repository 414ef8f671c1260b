"""A training instance of a tuning, and what its directory remembers of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from akid.errors import DataError
from akid.kids.stopping import Goal
from akid.runs.run_dir import read_json, write_json
from akid.tuner.strategies import Proposal


class Status(StrEnum):
    """How an instance stands."""

    WAITING = "waiting"
    RUNNING = "running"
    INTERRUPTED = "interrupted"  # goes on when `tune` is called again
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PRUNED = "pruned"  # stopped, since others were better at that step


#: An instance that stands so is over.
OVER = (Status.SUCCEEDED, Status.FAILED, Status.PRUNED)


@dataclass(frozen=True)
class Trial:
    """A training instance.

    Attributes:
        number: from 0, in the order of the proposals.
        proposal: its parameters, and how many devices it takes.
        log_dir: its run directory.
        status: how it stands.
        best: the best value of the objective, and the step it was measured at; None if there is none.
        last: the newest value.
        metrics: the newest value of every measure, by the names of ``metrics.jsonl``.
        step: of the newest measure.
        seconds: of all its training.
        error: why it failed.
    """

    number: int
    proposal: Proposal
    log_dir: Path
    status: Status = Status.WAITING
    best: float | None = None
    best_step: int | None = None
    last: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    error: str = ""

    def noted(self, record: Mapping[str, Any], goal: Goal) -> Trial:
        """The same after a line of ``metrics.jsonl``."""
        numbers = {
            k: float(v) for k, v in record.items() if isinstance(v, int | float) and k not in ("step", "seconds")
        }
        step = int(record.get("step", 0))
        trial = replace(self, metrics={**self.metrics, **numbers}, step=max(step, self.step))
        value = numbers.get(goal.metric)
        if value is None:
            return trial
        trial = replace(trial, last=value)
        return replace(trial, best=value, best_step=step) if goal.better(value, trial.best) else trial


_REMEMBERED = ("status", "seconds", "error")


def write_trial(trial: Trial) -> None:
    """Note an instance in its directory; what it measured stands in ``metrics.jsonl``.

    Raises:
        StorageError: it cannot be written.
    """
    told = {"number": trial.number, **asdict(trial.proposal), **{k: getattr(trial, k) for k in _REMEMBERED}}
    write_json(trial.log_dir / "trial.json", told)


def read_trial(log_dir: Path) -> Trial | None:
    """The instance of a directory, without what it measured; None if there is none.

    Raises:
        DamagedFileError: it cannot be understood.
    """
    told = read_json(log_dir / "trial.json")
    if told is None:
        return None
    proposal = Proposal(told["net_paras"], told["opt_paras"], told["repeat"], told["size"])
    status = Status.INTERRUPTED if told["status"] == Status.RUNNING else Status(told["status"])
    return Trial(told["number"], proposal, log_dir, status, seconds=told["seconds"], error=told["error"])


def check_plain(proposal: Proposal) -> None:
    """See that the parameters can be written down.

    Raises:
        DataError: one is not made of texts, numbers, True, False, None, lists and dicts.
    """
    try:
        json.dumps([proposal.net_paras, proposal.opt_paras], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(
            "parameters must be texts, finite numbers, True, False, None, and lists and dicts of these."
            f" Received: net_paras={proposal.net_paras!r}, opt_paras={proposal.opt_paras!r} ({error})"
        ) from None


class NewLines:
    """The complete lines that were added to a file of JSON lines since one looked.

    Args:
        path: of the file, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._file = path, 0, 0

    def read(self) -> Iterator[dict[str, Any]]:
        """Those that are new; all anew if the file was written anew."""
        try:
            with self._path.open("rb") as file:
                number = os.fstat(file.fileno()).st_ino
                # A run that goes on puts another file in its place, which may be as long as the old one soon.
                self._file, self._at = number, self._at if number == self._file else 0
                file.seek(self._at)
                text = file.read()
        except FileNotFoundError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            yield json.loads(line)
