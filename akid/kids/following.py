"""An evaluator: it follows the checkpoints of a run that another process practises."""

from __future__ import annotations

import time

from akid.errors import AkidError
from akid.kids.progress import progress_of
from akid.kids.run import Run
from akid.kids.run_state import number
from akid.kids.schedule import Schedule
from akid.runs.appended import Appended
from akid.runs.checkpoint_files import committed, step_of
from akid.runs.interrupts import TERMINATED, Interrupt, Interrupted, catch_signals
from akid.runs.run_dir import line_of, read_json, read_lines

#: Seconds between two looks at the run directory.
PERIOD = 0.2
#: Reasons in ``result.json`` for which a run is over; after others it goes on.
OVER = ("max_steps", "max_epoch", "early_stopping")


class Following:
    """Evaluates the newest checkpoint again and again, until the run is over; those it had no time for stay out.

    What it measures goes to ``evaluations.jsonl``, which nobody else writes.

    Args:
        run: of this process; its variables become those of the checkpoints.
        schedule: of the run.
        show: see `Kid`.
    """

    def __init__(self, run: Run, schedule: Schedule, show: bool | None) -> None:
        if run.sensor.size("val") == 0:
            raise AkidError(
                "An evaluator needs a validation split, and the source has none. Give it a num_val > 0."
            )
        self._run, self._schedule = run, schedule
        self._evaluated = {record.get("step") for record in read_lines(run.run_dir.evaluations)}
        self._evaluations = Appended(run.run_dir.evaluations, run.run_dir.space)
        self._progress = progress_of(show, 0, schedule.last)

    def run(self) -> None:
        """Follow.

        Raises:
            SystemExit: code 143, after SIGTERM before the run was over.
        """
        with catch_signals() as interrupt:
            while True:
                over = self._over()  # asked first: no checkpoint comes after that
                paths = committed(self._run.run_dir.checkpoints)
                if paths and step_of(paths[-1]) not in self._evaluated:
                    self._evaluate(interrupt)
                elif over:
                    break
                if not interrupt.absent and not over:
                    raise SystemExit(TERMINATED)
                self._evaluations.try_again()
                time.sleep(PERIOD)
        self._progress.close()
        self._evaluations.finish()

    def _over(self) -> bool:
        result = read_json(self._run.run_dir.result)
        return result is not None and result.get("reason") in OVER

    def _evaluate(self, interrupt: Interrupt) -> None:
        """Evaluate the newest checkpoint; given up on a signal, unless it is the last one."""
        run, state = self._run, self._run.state
        if run.checkpoints.restore() is None:
            return
        try:
            state.val_loss, state.val_evals = run.evaluate("val", lambda: interrupt.absent or self._over())
        except Interrupted:
            raise SystemExit(TERMINATED) from None
        record = {"kind": "val", "step": run.step, "epoch": self._schedule.epoch(run.step)}
        record |= {"val_loss": state.val_loss, **{f"val_{n}": value for n, value in state.val_evals.items()}}
        record = {name: number(value) for name, value in record.items()}
        self._evaluations.add(line_of(record))
        self._progress.note(record)
        self._evaluated.add(run.step)
