"""The loop of a Kid: run to the next thing to do, do it, go on."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.errors import NotFiniteError
from akid.events import Events
from akid.interrupts import TERMINATED, Interrupt, catch_signals
from akid.progress import progress_of
from akid.run_dir import write_json
from akid.schedule import Pace
from akid.stopping import short_names
from akid.window import Window

if TYPE_CHECKING:
    from akid.kids import Kid


class Practice:
    """One practice of a Kid, from where it stands to its last step.

    Args:
        kid: set up.
    """

    def __init__(self, kid: Kid) -> None:
        self.kid = kid
        self.schedule = kid.schedule
        self.window = Window()
        self.progress = progress_of(kid.show_progress, kid.step, kid.schedule.last)
        self.events = Events(kid.run_dir.events if kid.do_summary else None)
        self.started = time.monotonic()

    def run(self) -> None:
        """Practise; see `Kid.practice`."""
        kid = self.kid
        kid.run_dir.forget_after(kid.step)
        try:
            with catch_signals() as interrupt:
                reason = self._loop(interrupt)
            if kid.save_chk_point:
                kid.save()
        except NotFiniteError:
            self._write_result("not_finite")
            raise
        finally:
            self.progress.close()
            self.events.close()
            kid.checkpoints.sync()
        self._write_result(reason)
        if reason == "interrupted":
            raise KeyboardInterrupt
        if reason == "terminated":
            raise SystemExit(TERMINATED)

    def _loop(self, interrupt: Interrupt) -> str:
        """Gives the reason why it ended."""
        kid, schedule, pace = self.kid, self.schedule, Pace()
        kid.call(kid.hooks.on_train_begin)
        while kid.step < schedule.last:
            if interrupt.signal is not None:
                return "interrupted" if interrupt.signal == signal.SIGINT else "terminated"
            before = kid.step
            kid.call(kid.hooks.on_batch_begin)
            n = 1 if kid.hooks.on_batch_begin else min(schedule.next_stop(before) - before, pace.steps)
            self._train(n, pace)
            if self._after(before):
                return "early_stopping"
        if schedule.val_log and not kid.val_evals:
            self._validate()
        kid.call(kid.hooks.on_train_end)
        return "max_steps" if kid.max_steps is not None else "max_epoch"

    def _train(self, n: int, pace: Pace) -> None:
        started = time.monotonic()
        report = self.kid.engine.train(n)
        seconds = time.monotonic() - started
        pace.note(n, seconds)
        if not math.isfinite(report.last_loss):
            raise self.kid.not_finite(f"The loss became {report.last_loss}")
        self.window.add(report, seconds)
        self.progress.advance(self.kid.step)

    def _after(self, before: int) -> bool:
        """Do what is due at this step; whether to stop early."""
        kid, schedule, step = self.kid, self.schedule, self.kid.step
        if schedule.due(schedule.train_log, step):
            self._log_training()
        if schedule.due(schedule.summary, step):
            self.events.histograms(step, kid.brain.named_variables())
        stop = is_best = False
        if schedule.due(schedule.val_log, step):
            is_best = self._validate()
            stop = kid.early_stopping is not None and kid.standing.stale >= kid.early_stopping.patience
        if schedule.checkpoint and (is_best or schedule.due(schedule.checkpoint, step)):
            kid.save(is_best)
        if schedule.epoch(step) > schedule.epoch(before):
            kid.call(kid.hooks.on_epoch_end)
        return stop

    def _log_training(self) -> None:
        kid, report = self.kid, self.window.report()
        kid.loss, kid.evals = report.loss, short_names_of(report.evals)
        record: dict[str, Any] = {"kind": "train", "step": kid.step, "epoch": kid.epoch, "loss": report.loss}
        record |= kid.evals
        record["lr"] = float(kid.kongfu.lr(tf.constant(kid.step, tf.int64)))
        examples = self.window.steps * kid.sensor.batch_size
        record["examples_per_second"] = examples / max(self.window.seconds, 1e-9)
        self._record(record, report.losses if len(report.losses) > 1 else {})
        self.window.clear()
        kid.call(kid.hooks.on_train_log)

    def _validate(self) -> bool:
        """Validate, log it, judge it; whether it was the best so far."""
        kid = self.kid
        kid.val_loss, kid.val_evals = kid.validate("val")
        record = {"kind": "val", "step": kid.step, "epoch": kid.epoch, "val_loss": kid.val_loss}
        self._record(record | {f"val_{name}": value for name, value in kid.val_evals.items()}, {})
        value = kid.goal.value({"loss": kid.val_loss, **kid.val_evals})
        delta = kid.early_stopping.min_delta if kid.early_stopping else 0.0
        kid.standing = kid.standing.after(value, kid.step, kid.goal, delta)
        kid.call(kid.hooks.on_val_log)
        return kid.standing.best_step == kid.step

    def _record(self, record: dict[str, Any], losses: Mapping[str, float]) -> None:
        self.kid.run_dir.append_metrics(record | ({"losses": dict(losses)} if losses else {}))
        self.progress.note(record)
        self.events.scalars(record, losses)

    def _write_result(self, reason: str) -> None:
        kid = self.kid
        best = {"metric": kid.goal.metric, "value": kid.standing.best, "step": kid.standing.best_step}
        result = {
            "reason": reason,
            "step": kid.step,
            "epoch": kid.epoch,
            "loss": _number(kid.loss),
            "evals": kid.evals,
            "val_loss": _number(kid.val_loss),
            "val_evals": kid.val_evals,
            "best": best,
            "seconds": round(time.monotonic() - self.started, 3),
        }
        write_json(kid.run_dir.result, result)


def short_names_of(evals: Mapping[str, float]) -> dict[str, float]:
    """Measures by their short names, see `short_names`."""
    names = short_names(list(evals))
    return {names[full]: value for full, value in evals.items()}


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
