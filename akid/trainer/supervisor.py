"""The supervisor of a member: it meets the others, starts training processes, and decides what an end means.

It is the first process of a container (or of a member of a local run), so it reaps whatever is orphaned there and
passes SIGTERM on. Standard library only: it lives beside the training all the time.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from akid.generations import newest
from akid.report import FD, GENERATION, Reporter
from akid.snapshots import Slots
from akid.trainer import progress
from akid.trainer.attendance import Attendance, patience
from akid.trainer.hearing import hear_reports, hear_signals, next_event
from akid.trainer.launch import TRAINING, Direct, Launcher, Zygote
from akid.trainer.log import Log, leave
from akid.trainer.rendezvous import Left, Tidings
from akid.trainer.restarts import LIMIT, TERMINATED, Ended, Record
from akid.trainer.serving import serve
from akid.trainer.settings import Settings, generation_config
from akid.trainer.states import bring
from akid.trainer.watchdog import LOOK, Guard, Watchdog

#: Seconds a member that only serves goes on after it was told to end.
LINGER = 10.0
#: What a training process may say that it ends for, in words.
EXCUSES = {"peer_lost": "a peer is lost", "storage_away": "a file system was away"}
#: Seconds after which the end of a process that reports no steps is not held against the next one.
LIVED = 10.0


class Supervisor:
    """One member, from its start to its exit code.

    Args:
        settings: which member.
        program: what trains, instead of akid's training process.
    """

    def __init__(self, settings: Settings, program: Sequence[str] = ()) -> None:
        self.settings = settings
        self.log = Log(rank=settings.member, attempt=settings.attempt)
        self.progress = progress.Progress()
        self.told_to_end = False
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        upward = os.environ.get(FD, "")
        self._upward = Reporter(int(upward) if upward.isdigit() else None)
        self._error = ""
        reports, self._report = os.pipe()
        os.set_inheritable(self._report, True)
        hear_reports(reports, self._events.put)
        argv = program or (sys.executable, *TRAINING)
        self._slots = Slots.make()
        inherited = (self._report, *self._slots.fds)
        self._direct = Direct(argv, inherited)
        self._zygote: Zygote | None = None
        if not program and settings.rendezvous and os.environ.get("AKID_ZYGOTE", "1") != "0":
            self._zygote = Zygote(inherited, self._tell)
        # Generations of a run directory are counted on: that is how an older one is known.
        self._before = newest(Path(settings.log_dir)) if settings.log_dir else 0
        pages = {"/status": self._status_page, "/metrics": self._metrics_page}
        place, self._source = serve(settings, pages, self._slots, self._before, self.log, self.progress)
        self._attendance = Attendance(settings, place, self._look, self._before)

    def run(self) -> int:
        """Train to the end; gives the exit code."""
        hear_signals(self._tell)
        try:
            code = self._generations()
        except PermissionError as error:
            self._error, code = str(error), 1
        finally:
            if self._zygote is not None:
                self._zygote.close()  # it has our output open: whoever copies that waits for its end
        self._last_words(code)
        return code

    def _generations(self) -> int:
        """Generation after generation; gives the exit code."""
        self._warm_up()
        record, before = Record(), 0
        pending: Ended | None = None
        while True:
            state = next((slot.header.step for slot in self._slots.kept()), 0)
            reached = self.progress.generation, self.progress.highest
            generation = self._attendance.meet(*reached, state, self._source)
            if generation is None:
                return TERMINATED if self.told_to_end else 0
            number = generation["generation"]
            if pending is not None:
                record = record.after(pending, before, bool(generation["blamed"]))
                if record.exhausted:
                    self.log("peers were lost again and again without a new step", "error")
                    self._attendance.leave(number, Left.DIED)
                    return pending.exit_code
            before = generation["highest"]
            pending = ended = self._train_on(generation)
            if ended.code == 0 and not ended.told:
                if self._attendance.done(number):
                    return 0
                pending = replace(ended, told=True)
            elif self.told_to_end:
                self._attendance.leave(number, Left.TERMINATED)
                return ended.exit_code
            elif ended.own or not self.settings.in_place:
                self._attendance.leave(number, Left.DIED)
                record, pending = record.after(ended, before, blamed=False), None
                if not self.settings.in_place or not ended.in_place or record.exhausted:
                    return ended.exit_code
            elif not ended.told:
                self._attendance.leave(number, Left.LOST)

    def _warm_up(self) -> None:
        """Of an elastic job: others train on while this member gets ready, not once it has joined them."""
        if self.settings.least and self._zygote is not None:
            while not (self._zygote.ready.wait(0.1) or self._look()):
                pass

    # -- training processes -------------------------------------------------------------------------------
    def _train_on(self, generation: dict[str, Any]) -> Ended:
        """Run training processes until one ends in a way that concerns the others.

        A spare member's that was killed is started again where it was: the chief takes it back at its address.
        """
        brief = 0
        while True:
            began = time.monotonic()
            ended = self._train(generation)
            brief = 0 if time.monotonic() - began > LIVED else brief + 1
            again = ended.code < 0 and ended.own and not self.told_to_end and brief < LIMIT
            if not again or self.settings.member not in self.settings.spare:
                return ended

    def _train(self, generation: dict[str, Any]) -> Ended:
        """Run a training process to its end."""
        number = generation["generation"]
        self.log.who["generation"] = number
        self.progress.begin(number)
        self.progress.highest = max(self.progress.highest, generation["highest"])
        if self.settings.is_chief:
            bring(self._slots, generation["states"], self.settings.member, self.settings.token, self.log)
        environment = {FD: str(self._report), GENERATION: str(number), **self._slots.environment}
        if generation["addresses"]:
            environment["TF_CONFIG"] = generation_config(self.settings, generation["addresses"])
        launcher, pid = self._launch(environment)
        self.log("training process started", pid=pid, blamed=generation["blamed"])
        over = threading.Event()
        if not self._attendance.alone:
            tell = partial(self._tell, "tidings", generation=number)
            watch = partial(self._attendance.watch, number, over, lambda tidings: tell(tidings=tidings))
            threading.Thread(target=watch, name="watch", daemon=True).start()
        try:
            return self._follow(launcher, pid, number)
        finally:
            over.set()

    def _launch(self, environment: dict[str, str]) -> tuple[Launcher, int]:
        if self._zygote is not None:
            pid = self._zygote.start(environment)
            if pid is not None:
                return self._zygote, pid
            self.log("the zygote has ended; training processes import TensorFlow themselves", "warning")
            self._zygote = None
        return self._direct, self._direct.start(environment)

    def _follow(self, launcher: Launcher, pid: int, number: int) -> Ended:
        """Hear what comes until the training process has ended, and all it said before that is heard."""
        ended, end = Ended(0), math.inf
        self._upward.tell("training", pid=pid, **self._facts())
        guard = Guard(pid, Watchdog(self.settings.hang))
        while True:
            event = next_event(self._events, end, LOOK)
            kind = event["event"]
            if kind not in ("ended", "flushed") and time.monotonic() >= end:
                ended, end = replace(ended, told=True), math.inf
                launcher.signal(pid, signal.SIGKILL)
            elif problem := guard.look(time.monotonic()):
                self.log(f"the training process hangs and is ended: {problem}", "warning", pid=pid)
                launcher.signal(pid, signal.SIGKILL)
            if kind == "ended" and event["pid"] == pid:
                told = ended.told or (ended.regroups and event["code"] == -signal.SIGTERM)
                ended, end = replace(ended, code=event["code"], told=told), math.inf
                Reporter(self._report, number).tell("flushed", pid=pid)  # after its last words
            elif kind == "flushed" and event["pid"] == pid:
                self.log("training process ended", code=ended.code, step=ended.highest)
                return ended
            elif kind == "child":
                self._reap()
            elif kind == "signal":
                if self.settings.serves and not self.told_to_end:
                    self._later(LINGER, "signal")  # the chief, told at the same time, has yet to save what is here
                else:
                    launcher.signal(pid, signal.SIGTERM)
                self.told_to_end = True
            elif event.get("generation") == number and kind == "tidings":
                end = min(end, time.monotonic() + patience(event["tidings"]))
                if self.settings.serves and (self.told_to_end or event["tidings"] == Tidings.OVER):
                    launcher.signal(pid, signal.SIGTERM)
                if event["tidings"] == Tidings.REGROUP:
                    self._tell("regroup", generation=number)
            elif event.get("generation") == number and kind == "regroup":
                ended = self._regroup(launcher, pid, number, ended)
            elif event.get("generation") == number:
                guard.watchdog.hear(event, time.monotonic())
                ended = self._note(event, ended)

    def _regroup(self, launcher: Launcher, pid: int, number: int, ended: Ended) -> Ended:
        """Have the training process end with the others, at a step they agree on, once it can."""
        if self.progress.told:
            launcher.signal(pid, signal.SIGTERM)
            return replace(ended, regroups=True)
        self._later(0.1, "regroup", generation=number)
        return ended

    def _note(self, event: dict[str, Any], ended: Ended) -> Ended:
        """A report of the training process."""
        if event["event"] in EXCUSES:
            self.log(f"{EXCUSES[event['event']]}: {event.get('message', '')}", "warning")
            return replace(ended, excused=True)
        if event["event"] == "error":
            self._error = str(event.get("message", ""))
        if event["event"] != "step":
            return ended
        self.progress.report(event, time.monotonic())
        self._upward.step(self.progress.step, **self._facts())
        return replace(ended, highest=max(ended.highest, self.progress.step))

    def _facts(self) -> dict[str, Any]:
        state = self.progress
        facts = {"in_place_restarts": state.in_place_restarts, "steps_redone": state.steps_redone}
        return {**facts, "max_steps": state.facts.get("maxSteps"), "generation": state.generation}

    # -- what comes in ------------------------------------------------------------------------------------
    def _tell(self, event: str, **facts: Any) -> None:
        self._events.put({"event": event, **facts})

    def _later(self, seconds: float, event: str, **facts: Any) -> None:
        timer = threading.Timer(seconds, self._tell, (event,), facts)
        timer.daemon = True
        timer.start()

    def _look(self) -> bool:
        """Take what came while no training process runs; whether this member was told to end."""
        with suppress(queue.Empty):
            while True:
                kind = self._events.get_nowait()["event"]
                self.told_to_end = self.told_to_end or kind == "signal"
                if kind == "child":
                    self._reap()
        return self.told_to_end

    def _reap(self) -> None:
        """Reap every child that has ended, also orphans that became this process' children."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._tell("ended", pid=pid, code=os.waitstatus_to_exitcode(status))

    # -- what goes out ------------------------------------------------------------------------------------
    def status(self) -> dict[str, Any]:
        """How far the training is, as `/status` shows it."""
        return {"member": self.settings.member, **self.progress.status(time.monotonic(), time.time())}

    def _status_page(self) -> tuple[str, str]:
        silent = {"silent": self._attendance.silent()} if self.settings.is_chief else {}
        return "application/json", json.dumps(self.status() | silent, allow_nan=False)

    def _metrics_page(self) -> tuple[str, str]:
        labels = {"job": os.environ.get("AKID_JOB_NAME", ""), "member": self.settings.member}
        return "text/plain; version=0.0.4", progress.prometheus(self.status(), labels)

    def _last_words(self, code: int) -> None:
        """For whoever looks at the container's end: the last error, and of a chief how far it came."""
        status = self.status() if self.settings.is_chief and self.progress.highest else {}
        if code == 0 and status:
            leave(self.settings.termination_log, progress.last_words(status))
        if code in (0, TERMINATED):
            return
        message = self._error or f"{self.settings.member}: ended with code {code} at step {self.progress.step}"
        self._upward.tell("error", message=message)
        if self._error:
            leave(self.settings.termination_log, progress.last_words(status, self._error))
