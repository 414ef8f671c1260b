"""The loop of a Kid: run to the next thing to do, do it, go on."""

from __future__ import annotations

import math
import re
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.errors import NotFiniteError
from akid.inference.signature import Signature
from akid.kids.progress import progress_of
from akid.kids.schedule import Pace
from akid.kids.state import measured, not_finite, number
from akid.kids.stopping import short_names_of
from akid.runs.inspection import Inspector
from akid.runs.interrupts import TERMINATED, Interrupt, Interrupted, catch_signals
from akid.runs.run_dir import write_json
from akid.runs.tensorboard import Events

if TYPE_CHECKING:
    from akid.kids.kid import Kid


class Practice:
    """One practice of a Kid, from where it stands to its last step.

    Args:
        kid: set up.
    """

    def __init__(self, kid: Kid) -> None:
        self.kid = kid
        self.schedule = kid.schedule
        kid.run_dir.check_writable()
        kid.run_dir.forget_after(kid.step)
        kid.checkpoints.forget_after(kid.step)
        Signature.of(kid.sensor).write(kid.run_dir.signature)
        self.started = time.monotonic()
        self.seconds, self.timed_steps = 0.0, 0
        self.events = Events(kid.run_dir.events if kid.do_summary else None)
        self.inspector = Inspector(kid.brain, kid.sensor, kid.seed)
        self.progress = progress_of(kid.show_progress, kid.step, kid.schedule.last)

    def run(self) -> None:
        """Practise; see `Kid.practice`."""
        try:
            with catch_signals() as interrupt:
                reason = self._run(interrupt)
        except NotFiniteError:
            self._write_result("not_finite")
            raise
        finally:
            self.progress.close()
            self.events.close()
        self._write_result(reason)
        if reason == "interrupted":
            raise KeyboardInterrupt
        if reason == "terminated":
            raise SystemExit(TERMINATED)

    def _run(self, interrupt: Interrupt) -> str:
        """Gives the reason why it ended, once everything is on disk."""
        kid = self.kid
        try:
            kid.call(kid.hooks.on_train_begin)
            if kid.do_summary:
                self.events.graph(self.inspector)
            try:
                reason = self._steps(interrupt)
            except Interrupted:
                reason = "interrupted" if interrupt.signal == signal.SIGINT else "terminated"
            if kid.save_chk_point:
                kid.save()
        finally:
            kid.checkpoints.sync()
        if reason not in ("interrupted", "terminated"):
            kid.call(kid.hooks.on_train_end)
        return reason

    def _steps(self, interrupt: Interrupt) -> str:
        """Gives the reason why it ended; raises `Interrupted` if a signal came."""
        kid, schedule, pace = self.kid, self.schedule, Pace()
        if kid.step and schedule.due(schedule.val_log, kid.step) and kid.validated_step != kid.step:
            self._conclude(interrupt)  # the run was interrupted during this validation
        while kid.step < schedule.last and not self._is_stale():
            if not interrupt.absent:
                raise Interrupted
            kid.call(kid.hooks.on_batch_begin)
            stop = schedule.next_stop(kid.step, epochs=bool(kid.hooks.on_epoch_end))
            by_step = kid.hooks.on_batch_begin or kid.debug
            self._train(1 if by_step else min(stop - kid.step, pace.steps), pace)
            self._look()
            self._conclude(interrupt)
        if schedule.val_log and kid.validated_step != kid.step:
            self._validate(interrupt)
        if kid.step < schedule.last:
            return "early_stopping"
        return "max_steps" if kid.max_steps is not None else "max_epoch"

    def _is_stale(self) -> bool:
        stopping = self.kid.early_stopping
        return stopping is not None and self.kid.standing.stale >= stopping.patience

    def _train(self, n: int, pace: Pace) -> None:
        kid, before, started = self.kid, self.kid.step, time.monotonic()
        try:
            kid.tally = kid.engine.train(n, kid.tally)
        except tf.errors.InvalidArgumentError as error:
            block = re.search(r"The output of block '([^']*)' is not finite", str(error))
            if block is None:
                raise
            raise not_finite(kid, f"The output of block {block[1]!r} is not finite", before + 1) from None
        seconds = time.monotonic() - started
        pace.note(n, seconds)
        if not math.isfinite(kid.tally.last_loss):
            raise not_finite(kid, f"The loss became {kid.tally.last_loss}")
        self.seconds += seconds
        self.timed_steps += kid.step - before
        self.progress.advance(kid.step)

    def _look(self) -> None:
        """Log and draw what is due at this step."""
        schedule, step = self.schedule, self.kid.step
        if schedule.due(schedule.train_log, step):
            self._log_training()
        if schedule.due(schedule.summary, step):
            self.events.distributions(step, self.inspector(step))

    def _conclude(self, interrupt: Interrupt) -> None:
        """Validate, call hooks and save if that is due at this step; saving comes last, so nothing is lost."""
        kid, schedule, step = self.kid, self.schedule, self.kid.step
        is_best = schedule.due(schedule.val_log, step) and self._validate(interrupt)
        if schedule.epoch(step) > schedule.epoch(step - 1):
            kid.call(kid.hooks.on_epoch_end)
        if schedule.checkpoint and (is_best or schedule.due(schedule.checkpoint, step)):
            kid.save(is_best)

    def _log_training(self) -> None:
        kid, report = self.kid, self.kid.tally.report()
        kid.loss, kid.evals = report.loss, short_names_of(report.evals)
        record: dict[str, Any] = {"kind": "train", "step": kid.step, "epoch": kid.epoch, "loss": report.loss}
        record |= kid.evals
        record["lr"] = float(kid.kongfu.lr(tf.constant(kid.step - 1, tf.int64)))  # of the last update
        record["examples_per_second"] = self.timed_steps * kid.sensor.batch_size / max(self.seconds, 1e-9)
        self._record(record, report.losses if len(report.losses) > 1 else {})
        kid.tally, self.seconds, self.timed_steps = type(kid.tally)(), 0.0, 0
        kid.call(kid.hooks.on_train_log)

    def _validate(self, interrupt: Interrupt) -> bool:
        """Validate, log it, judge it; whether it was the best so far."""
        kid = self.kid
        kid.val_loss, kid.val_evals = kid.evaluate("val", lambda: interrupt.absent)
        record = {"kind": "val", "step": kid.step, "epoch": kid.epoch, "val_loss": kid.val_loss}
        self._record(record | {f"val_{name}": value for name, value in kid.val_evals.items()}, {})
        value = {"loss": kid.val_loss, **kid.val_evals}[kid.goal.metric]
        delta = kid.early_stopping.min_delta if kid.early_stopping else 0.0
        kid.standing = kid.standing.after(value, kid.step, kid.goal, delta)
        kid.validated_step = kid.step
        kid.call(kid.hooks.on_val_log)
        return kid.standing.best_step == kid.step

    def _record(self, record: Mapping[str, Any], losses: Mapping[str, float]) -> None:
        record = {name: number(value) for name, value in record.items()}
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
            **measured(kid),
            "best": best,
            "seconds": round(time.monotonic() - self.started, 3),
        }
        write_json(kid.run_dir.result, result)
