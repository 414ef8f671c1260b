"""The loop of a Kid: run to the next thing to do, do it, go on."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from akid.backend import tf
from akid.errors import NotFiniteError, PeerLostError
from akid.inference.signature import Signature
from akid.kids.description import description_of
from akid.kids.hooks import KidHook, KidHooks
from akid.kids.progress import progress_of
from akid.kids.run import Run
from akid.kids.run_state import number
from akid.kids.schedule import Pace, Schedule
from akid.kids.stopping import EarlyStopping, Goal, short_names_of
from akid.op_errors import not_finite_output
from akid.runs.curves import curves_of
from akid.runs.event_records import forget_events_after
from akid.runs.inspection import Inspector
from akid.runs.interrupts import TERMINATED, Interrupt, Interrupted, catch_signals
from akid.runs.tensorboard import Events
from akid.trackers import Trackers
from akid.trackers.tracker import Description, Ending


class Practice:
    """One practice, from where a run stands to its last step.

    Of several processes that learn together all go through the same steps, and one, the chief, writes.

    Args:
        run: what is practised on.
        schedule: what is due when.
        goal: which validation is the best.
        early_stopping: when to stop for lack of better ones.
        hooks: what is called on the way ...
        call: ... by this function.
        show: whether progress is shown; None: a line on a terminal, JSON lines elsewhere.
        reached: the reason for the end at the last step.
        params: what the Kid's template was filled in with, for TensorBoard and trackers.
    """

    def __init__(
        self,
        run: Run,
        schedule: Schedule,
        *,
        goal: Goal,
        early_stopping: EarlyStopping | None,
        hooks: KidHooks,
        call: Callable[[Sequence[KidHook]], None],
        show: bool | None,
        reached: str,
        params: Mapping[str, Any],
    ) -> None:
        self._run, self.schedule, self.state = run, schedule, run.state
        self.goal, self.early_stopping = goal, early_stopping
        self.hooks, self.call, self.reached, self.params = hooks, call, reached, params
        self.writes = run.engine.is_chief
        if self.writes:
            run.run_dir.check_writable()
            run.begin()
            run.run_dir.forget_after(run.step)
            run.checkpoints.forget_after(run.step)
            forget_events_after(run.run_dir.events, run.step, run.run_dir.check_newest)
            Signature.of(run.sensor).write(run.run_dir.signature)
        self.started = time.monotonic()
        self.seconds, self.timed_steps, self.longest = 0.0, 0, 0.0
        self.events = Events(run.run_dir if schedule.summary and self.writes else None)
        self.inspector = Inspector(run.brain, run.sensor, run.seed)
        self.progress = progress_of(show if self.writes else False, run.step, schedule.last)
        self.trackers = Trackers(run.run_dir if self.writes else None, self._description)

    def _description(self) -> Description:
        run = self._run
        return description_of(run.run_dir, run.settings(), run.brain, run.engine, self.params, self.schedule.last)

    def run(self) -> None:
        """Practise; see `Kid.practice`."""
        ending = Ending.FAILED
        try:
            with catch_signals() as interrupt:
                reason = self._until_the_end(interrupt)
            ending = Ending.INTERRUPTED if reason in _INTERRUPTED_BY.values() else Ending.FINISHED
        except NotFiniteError:
            self._write_result("not_finite")
            raise
        except PeerLostError:
            ending = Ending.INTERRUPTED
            raise
        else:
            self._write_result(reason)
        finally:
            self.progress.close()
            self.trackers.end(ending)
        if reason == "interrupted":
            raise KeyboardInterrupt
        if reason == "terminated":
            raise SystemExit(TERMINATED)
        if reason == "member_left":
            raise PeerLostError("Another member of the job was told to end; all have saved what they had.")

    def _until_the_end(self, interrupt: Interrupt) -> str:
        """Gives the reason why it ended, once everything is on disk."""
        run = self._run
        try:
            self.call(self.hooks.on_train_begin)
            if self.schedule.summary and self.writes:
                self.events.graph(self.inspector)
                self.events.begin_session(self.params)
            try:
                reason = self._steps(interrupt)
            except Interrupted:
                reason = _INTERRUPTED_BY[interrupt.signal]
            finally:
                self.progress.rest()
            run.check_finite()
            if self.schedule.checkpoint:
                run.save()
            run.finish()
            self.events.finish()
        finally:
            run.checkpoints.sync()
        if reason in _INTERRUPTED_BY.values():
            run.keep_now()  # whoever goes on begins here, even if nothing was to be saved
        run.engine.agree(False)  # nobody leaves while another still needs it
        if reason in ("early_stopping", self.reached):
            self.call(self.hooks.on_train_end)
        return reason

    def _steps(self, interrupt: Interrupt) -> str:
        """Gives the reason why it ended; raises `Interrupted` if a signal came, to any process."""
        run, schedule, pace = self._run, self.schedule, Pace()
        if run.step and schedule.due(schedule.val_log, run.step) and self.state.validated_step != run.step:
            self._conclude(interrupt)  # the run was interrupted during this validation
        while run.step < schedule.last and not self._is_stale():
            if run.engine.agree(not interrupt.absent):
                raise Interrupted
            if self.hooks.on_batch_begin:
                self.progress.rest()
                self.call(self.hooks.on_batch_begin)
            stop = schedule.next_stop(run.step, epochs=bool(self.hooks.on_epoch_end))
            n = self._next_call(pace, stop)
            if self.longest:  # the first call traces the graph
                self.progress.steps(self.longest)
            self._train(n, pace)
            if run.step >= stop:
                self.progress.rest()
            self._look()
            self._conclude(interrupt)
            self._write_waiting()
        if schedule.val_log and self.state.validated_step != run.step:
            self._validate(interrupt)
        return "early_stopping" if run.step < schedule.last else self.reached

    def _next_call(self, pace: Pace, stop: int) -> int:
        """How many steps the next call makes. Before it the state is kept in memory if the chief says so.

        All processes meet here: what one of them does before, the others wait for.
        """
        run = self._run
        n = 1 if self.hooks.on_batch_begin or run.debug else min(stop - run.step, pace.steps)
        n, keep = divmod(run.engine.chief_value(2 * n + run.keep_due), 2)
        if keep:
            run.keep()
        return n

    def _is_stale(self) -> bool:
        return self.early_stopping is not None and self.state.standing.stale >= self.early_stopping.patience

    def _train(self, n: int, pace: Pace) -> None:
        run, before, started = self._run, self._run.step, time.monotonic()
        try:
            self.state.tally = run.engine.train(n, self.state.tally)
        except tf.errors.InvalidArgumentError as error:
            problem = not_finite_output(error)
            if not problem:
                raise
            raise run.not_finite(problem, before + 1) from None
        seconds = time.monotonic() - started
        pace.note(n, seconds)
        if not math.isfinite(self.state.tally.last_loss):
            raise run.not_finite(f"The loss became {self.state.tally.last_loss}")
        self.seconds += seconds
        self.longest = max(self.longest, seconds)
        self.timed_steps += run.step - before
        self.progress.advance(run.step)

    def _look(self) -> None:
        """Log and draw what is due at this step."""
        schedule, step = self.schedule, self._run.step
        if schedule.due(schedule.train_log, step):
            self._log_training()
        if schedule.due(schedule.summary, step):
            self._run.engine.merge_state()  # a look from outside puts back one value for all
            if self.writes:
                self.events.distributions(step, self.inspector(step))

    def _conclude(self, interrupt: Interrupt) -> None:
        """Validate, call hooks and save if that is due at this step; saving comes last, so nothing is lost."""
        schedule, step = self.schedule, self._run.step
        is_best = schedule.due(schedule.val_log, step) and self._validate(interrupt)
        if schedule.epoch(step) > schedule.epoch(step - 1):
            self.call(self.hooks.on_epoch_end)
        if schedule.checkpoint and (is_best or schedule.due(schedule.checkpoint, step)):
            self._run.save(is_best)

    def _write_waiting(self) -> None:
        """Write what there was no space for, now and then."""
        self._run.write_waiting()
        self.events.try_again()

    def _log_training(self) -> None:
        run, state, report = self._run, self.state, self.state.tally.report()
        state.loss, state.evals = report.loss, short_names_of(report.evals)
        epoch = self.schedule.epoch(run.step)
        record: dict[str, Any] = {"kind": "train", "step": run.step, "epoch": epoch, "loss": report.loss}
        record |= state.evals
        record["lr"] = float(run.kongfu.lr(tf.constant(run.step - 1, tf.int64)))  # of the last update
        record["examples_per_second"] = self.timed_steps * run.sensor.batch_size / max(self.seconds, 1e-9)
        self._record(record, report.losses if len(report.losses) > 1 else {})
        state.tally, self.seconds, self.timed_steps = type(state.tally)(), 0.0, 0
        self.call(self.hooks.on_train_log)

    def _validate(self, interrupt: Interrupt) -> bool:
        """Validate, log it, judge it; whether it was the best so far."""
        state, step = self.state, self._run.step
        state.val_loss, state.val_evals = self._run.evaluate("val", lambda: interrupt.absent)
        epoch = self.schedule.epoch(step)
        record = {"kind": "val", "step": step, "epoch": epoch, "val_loss": state.val_loss}
        self._record(record | {f"val_{name}": value for name, value in state.val_evals.items()}, {})
        value = {"loss": state.val_loss, **state.val_evals}[self.goal.metric]
        delta = self.early_stopping.min_delta if self.early_stopping else 0.0
        state.standing = state.standing.after(value, step, self.goal, delta)
        state.validated_step = step
        self.call(self.hooks.on_val_log)
        return state.standing.best_step == step

    def _record(self, record: Mapping[str, Any], losses: Mapping[str, float]) -> None:
        if not self.writes:
            return
        record = {name: number(value) for name, value in record.items()}
        self._run.run_dir.append_metrics(record | ({"losses": dict(losses)} if losses else {}))
        self.progress.note(record)
        curves = curves_of(record, losses)
        self.events.scalars(record["step"], curves)
        self.trackers.log(record["step"], curves)

    def _write_result(self, reason: str) -> None:
        if not self.writes:
            return
        run, standing = self._run, self.state.standing
        result = {
            "reason": reason,
            "step": run.step,
            "epoch": self.schedule.epoch(run.step),
            **self.state.measured(),
            "best": {"metric": self.goal.metric, "value": standing.best, "step": standing.best_step},
            "seconds": round(time.monotonic() - self.started, 3),
        }
        run.run_dir.write_result(result)
        if reason not in _INTERRUPTED_BY.values():
            self.events.end_session(run.step, reason != "not_finite")


#: Why a practice ended early, by the signal that came to this process; None: it came to another one.
_INTERRUPTED_BY = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", None: "member_left"}
