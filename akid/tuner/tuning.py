"""The loop of a tuning: start what fits on the free devices, watch it, note what came of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from akid.errors import AkidError, DataError
from akid.kids.stopping import Goal
from akid.runner.events import Signals, Waiter, signals_wake
from akid.runs.interrupts import TERMINATED
from akid.runs.run_dir import RunDir
from akid.tuner.devices import Devices
from akid.tuner.process import TrialProcess
from akid.tuner.strategies import Strategy
from akid.tuner.table import Table
from akid.tuner.trial import OVER, NewLines, Status, Trial, check_plain, read_trial, write_trial

#: Seconds between two looks at what the running instances measured.
PERIOD = 0.5
#: Seconds an instance has to end by itself.
GRACE = 30.0


@dataclass(frozen=True)
class Rules:
    """What else a tuning is told.

    Attributes:
        job: gives the AkidJob of an instance; raises an InvalidSpecError if its template cannot be filled in.
        at_a_time: instances at most; None: as many as there are devices for.
        max_failed: with more failures than this it ends; None: it goes on.
        retry_failed: whether instances that failed in an earlier call are run again.
    """

    job: Callable[[Trial], dict[str, Any]]
    at_a_time: int | None = None
    max_failed: int | None = None
    retry_failed: bool = False


class Tuning:
    """All instances of a tuning, from its start to its end.

    Args:
        strategy: what is tried.
        goal: the objective.
        devices: where instances run.
        log_dir: holds a run directory for every instance.
        table: what shows them.
        rules: what else it is told.
    """

    def __init__(
        self, strategy: Strategy, goal: Goal, devices: Devices, log_dir: Path, table: Table,
        rules: Rules,
    ) -> None:  # fmt: skip
        self.trials: list[Trial] = []
        self._strategy, self._goal, self._devices = strategy, goal, devices
        self._log_dir, self._table, self._rules = log_dir, table, rules
        self._running: dict[int, TrialProcess] = {}
        self._waiter, self._stopping = Waiter(), False
        strategy.begin(goal)
        self._recall(rules.retry_failed)

    def run(self) -> None:
        """Run until every instance is over, or too many have failed.

        Raises:
            KeyboardInterrupt: it was interrupted; every instance has written a checkpoint and ended.
            SystemExit: code 143, the same after SIGTERM.
        """
        try:
            with _signals(self._waiter) as signals:
                while not signals and not self.given_up and (self._start_what_fits() or self._running):
                    self._waiter.wait(PERIOD)
                    self._look()
                self._stop(signals)
        finally:
            self._stopping = True
            for process in list(self._running.values()):
                process.kill()
                self._over(process)
            self._waiter.close()
            self._table.close()
        if signals:
            raise KeyboardInterrupt if signals.came[0] == signal.SIGINT else SystemExit(TERMINATED)

    @property
    def given_up(self) -> bool:
        """Whether too many instances have failed."""
        failed = sum(trial.status is Status.FAILED for trial in self.trials)
        return self._rules.max_failed is not None and failed > self._rules.max_failed

    def _recall(self, retry_failed: bool) -> None:
        """Take over what an earlier call left in the directory."""
        while (trial := read_trial(self._directory(len(self.trials)))) is not None:
            own = self._strategy.recall(trial.proposal)
            if own is None:
                raise DataError(
                    f"log_dir must be empty or hold an earlier call of the same tuning."
                    f" Received: log_dir={str(self._log_dir)!r}, where {trial.log_dir.name} has other parameters."
                    " Use another log_dir, or fresh=True to begin anew."
                )
            again = trial.status is Status.FAILED and retry_failed
            trial = replace(trial, proposal=own)
            for record in NewLines(RunDir(trial.log_dir).metrics).read():
                trial = trial.noted(record, self._goal)
                if trial.status in OVER and not again:
                    self._hopeless(trial, record)
            self.trials.append(replace(trial, status=Status.WAITING, error="") if again else trial)
            if trial.status in OVER and not again:
                self._tell_strategy(trial)
        self._table.show(self.trials)

    def _directory(self, number: int) -> Path:
        return self._log_dir / f"trial-{number:04d}"

    def _start_what_fits(self) -> bool:
        """Start instances in their order while there are devices; whether one was started or waits."""
        while (trial := self._next()) is not None:
            busy = self._rules.at_a_time is not None and len(self._running) >= self._rules.at_a_time
            taken = None if busy else self._devices.take(trial.proposal.size)
            if taken is None:
                return True  # in order: a large one is not overtaken for ever
            self._start(trial, taken)
        return False

    def _next(self) -> Trial | None:
        """The next instance to start, newly proposed if none waits."""
        for trial in self.trials:
            if trial.status in (Status.WAITING, Status.INTERRUPTED):
                return trial
        proposal = self._strategy.propose()
        if proposal is None:
            return None
        check_plain(proposal)
        self.trials.append(Trial(len(self.trials), proposal, self._directory(len(self.trials))))
        return self.trials[-1]

    def _start(self, trial: Trial, taken: tuple[str, ...]) -> None:
        RunDir(trial.log_dir)
        trial = self._note(replace(trial, status=Status.RUNNING), write=True)
        try:
            process = TrialProcess(trial, self._rules.job(trial), self._devices, taken)
        except AkidError as error:
            self._devices.give_back(taken)
            self._finish(replace(trial, status=Status.FAILED, error=str(error)))
            return
        self._running[trial.number] = process
        self._waiter.add(process.end, lambda: self._over(process))

    def _look(self) -> None:
        """Take note of what the running instances measured, and stop the hopeless ones."""
        for process in list(self._running.values()):
            for record in process.lines.read():
                before = process.trial
                process.trial = self._note(before.noted(record, self._goal))
                if not process.pruned and self._hopeless(before, record):
                    process.pruned = True
                    process.stop()

    def _hopeless(self, trial: Trial, record: Mapping[str, Any]) -> bool:
        """Tell the strategy what was measured; whether the instance is to be stopped."""
        value = record.get(self._goal.metric)
        return value is not None and self._strategy.hopeless(
            trial.number, int(record.get("step", 0)), float(value)
        )

    def _over(self, process: TrialProcess) -> None:
        self._waiter.remove(process.end)
        code = process.reap()
        self._running.pop(process.trial.number, None)
        self._devices.give_back(process.taken)
        for record in process.lines.read():
            self._hopeless(process.trial, record)  # every value counts for those that come later
            process.trial = process.trial.noted(record, self._goal)
        trial = replace(process.trial, seconds=process.trial.seconds + process.seconds)
        if code == 0:
            self._finish(replace(trial, status=Status.SUCCEEDED))
        elif process.pruned:
            self._finish(replace(trial, status=Status.PRUNED))
        elif self._stopping:
            self._note(replace(trial, status=Status.INTERRUPTED), write=True)
        else:
            self._finish(replace(trial, status=Status.FAILED, error=_why(code, process.last_words())))

    def _finish(self, trial: Trial) -> None:
        self._note(trial, write=True)
        self._tell_strategy(trial)

    def _tell_strategy(self, trial: Trial) -> None:
        value = None if trial.status is Status.FAILED else trial.best
        self._strategy.finished(trial.number, value, trial.status is Status.PRUNED)

    def _note(self, trial: Trial, write: bool = False) -> Trial:
        self.trials[trial.number] = trial
        if write:
            write_trial(trial)
        self._table.show(self.trials)
        return trial

    def _stop(self, signals: Signals) -> None:
        """Let every instance write a checkpoint and end; a second signal, or the time, ends them by force."""
        self._stopping = True
        for process in self._running.values():
            process.stop()
        deadline = time.monotonic() + GRACE
        while self._running and len(signals.came) <= 1 and time.monotonic() < deadline:
            self._waiter.wait(deadline - time.monotonic())


def _why(code: int, words: str) -> str:
    """Why an instance failed."""
    return f"ended by {signal.Signals(-code).name}" if code < 0 else words or f"exit code {code}"


@contextmanager
def _signals(waiter: Waiter) -> Iterator[Signals]:
    """Signals end a wait; only the main thread of a process can be told of them."""
    if threading.current_thread() is not threading.main_thread():
        yield Signals()
        return
    with signals_wake(waiter) as signals:
        yield signals
