"""The loop of the local runner: observe processes, plan, start and stop them, wait for what comes next."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from akid.job import AkidJob, Create, Delete, Member, ObjectRole, Observed, Plan, plan
from akid.job.api.engine import RoleName
from akid.job.api.policy import Scheduling
from akid.job.api.status import Status
from akid.job.members import chief_of
from akid.job.objects.processes import place_here, process_of
from akid.job.objects.reported import progress_from
from akid.runner.chaos import Chaos, Fault
from akid.runner.control import Control
from akid.runner.directory import new_log
from akid.runner.display import Display
from akid.runner.events import Signals, Waiter, signals_wake
from akid.runner.process import Keeper, Process, now
from akid.runner.scaling import scaled, told
from akid.runs.space import Space
from akid.trainer.ports import free_port

#: Seconds that the members of a job that has failed have to end.
FAILED_GRACE = 5.0


class LocalRun:
    """One job on this machine, from its start to its end.

    Args:
        job: checked by `check_processes`.
        log_dir: the run directory.
        files: see `akid.runner.directory.served`.
        display: what shows it.
        cpus: processors for all members together, those that there are when one is started.
        faults: faults on purpose.
    """

    def __init__(
        self,
        job: AkidJob,
        log_dir: Path,
        files: dict[str, str],
        display: Display,
        cpus: int,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.job = _here(job)
        self.processes: dict[str, Process] = {}
        self.objects: dict[ObjectRole, str] = {}
        self._log_dir, self._files, self._display = log_dir.absolute(), files, display
        self._cpus = cpus
        self._chief = _name(chief_of(job))
        self.told: dict[str, Any] = {}
        self._ports: dict[tuple[Member | None, int], int] = {}
        self._waiter, self._keeper = Waiter(), Keeper()
        self._control = Control(self._log_dir, self._waiter, self._scale)
        self._chaos = Chaos(faults, now())
        self._space = Space(self._log_dir)

    def run(self) -> int | None:
        """Run to the end of the job and of every process.

        Returns:
            The signal that told it to end; None if it ended by itself, as its status says.
        """
        try:
            with signals_wake(self._waiter) as signals:
                while not signals and not self._over():
                    result = plan(self.job, self._observed(), now())
                    self._apply(result)
                    if not (result.create or result.delete or result.status):
                        self._wait(result.requeue_after)
                if signals:
                    self._stop(signals)
        finally:
            self._control.close()
            self._end_all()
            for process in [process for process in self.processes.values() if process.alive]:
                self._reap(process)
            self._keeper.close()
            self._display.close()
            self._waiter.close()
        return signals.came[0] if signals and not self.job.status.finished else None

    def _scale(self, request: dict[str, Any]) -> str:
        """Somebody wants another number of workers: what is to be done follows from the next plan."""
        before = self.job
        self.job = scaled(before, int(request["workers"]), self._cpus)
        return told(before, self.job)

    def _over(self) -> bool:
        return self.job.status.finished and not any(p.alive for p in self.processes.values())

    def _observed(self) -> Observed:
        states = (process.state(process.member.name(self.job)) for process in self.processes.values())
        # Steps are told a hundred times a second; what a restart waits depends on them, and nothing else.
        counts = any(not process.alive for process in self.processes.values())
        progress = progress_from(self.told) if counts else None
        return Observed(members=tuple(states), objects=dict(self.objects), progress=progress)

    def _apply(self, result: Plan) -> None:
        if result.status is not None:
            status = Status.model_validate({**result.status, "state": result.status.get("state", "")})
            self.job = self.job.model_copy(update={"status": status})
        for event in result.events:
            self._display.event(event)
        for delete in result.delete:
            self._delete(delete)
        for create in result.create:
            self._create(create)

    def _create(self, create: Create) -> None:
        if create.kind is ObjectRole.MEMBER and create.member is not None:
            self._start(create.member, create.attempt)
        else:
            self.objects[create.kind] = "here"

    def _delete(self, delete: Delete) -> None:
        if delete.kind is not ObjectRole.MEMBER:
            self.objects.pop(delete.kind, None)
            return
        for name, process in self.processes.items():
            if process.member.name(self.job) == delete.name:
                if not process.alive:
                    del self.processes[name]
                elif delete.force:
                    process.signal(signal.SIGKILL)
                else:
                    process.stop(FAILED_GRACE if self.job.status.is_true("Failed") else None)
                return

    def _start(self, member: Member, attempt: int) -> None:
        name = _name(member)
        place = place_here(
            self.job,
            lambda other: self._port(other, attempt),
            self._port(None, 0),
            self._files,
            str(self._log_dir),
        )
        cpus = max(1, self._cpus // self.job.spec.engine.size)
        spec = process_of(self.job, member, attempt, place, sys.executable, cpus)
        spec.env.setdefault("AKID_METRICS_PORT", str(self._port(member, -1)))
        spec.env.update(self._chaos.environment(name))
        started = Process(name, member, attempt, spec, new_log(self._log_dir, name), self._space)
        self.processes[name] = started
        self._keeper.started(started)
        for pipe in started.pipes:
            self._waiter.add(started.pipes[pipe], lambda pipe=pipe: self._hear(started, pipe))
        self._waiter.add(started.end, lambda: self._reap(started))
        self._show(started)

    def _port(self, member: Member | None, attempt: int) -> int:
        """The port of a member in an attempt (of its metrics: -1); of the rendezvous without a member."""
        key = (member, attempt)
        if key not in self._ports:
            self._ports[key] = free_port(taken=frozenset(self._ports.values()))
        return self._ports[key]

    def _hear(self, process: Process, pipe: str) -> None:
        lines, more = process.read(pipe)
        if not more:
            self._waiter.remove(process.pipes[pipe])
        if pipe == "report":
            self._chaos.reached(process, self._beside(process))
            self._show(process)
            self.told |= process.progress if process.name == self._chief else {}
        elif process.name == self._chief:
            for line in lines:
                self._display.line(line.decode(errors="replace"))

    def _beside(self, process: Process) -> dict[str, Process]:
        """A member, and those that count no steps of their own, if it is the chief they serve."""
        serving = (RoleName.WORKER, RoleName.PS) if process.member.role is RoleName.CHIEF else ()
        return {n: p for n, p in self.processes.items() if p is process or p.member.role in serving}

    def _reap(self, process: Process) -> None:
        self._waiter.remove(process.end)
        process.reap()
        self._keeper.over(process)
        for pipe, fd in process.pipes.items():
            self._hear(process, pipe)
            self._waiter.remove(fd)  # whoever still holds it open has left the member's session
        process.close()
        self._show(process)
        if process.deletion_due is not None and self.processes.get(process.name) is process:
            del self.processes[process.name]  # as a pod that is deleted goes when it has ended

    def _show(self, process: Process) -> None:
        state = process.state(process.name)
        word = str(state.phase.value).lower()
        if process.deletion_due:
            word = "stopping" if process.alive else "gone"
        self._display.member(process.name, word, process.progress)

    def _wait(self, seconds: float | None) -> None:
        """Wait for an event, a deadline of the plan, of a process that is to end, or of a fault on purpose."""
        times: list[datetime | None] = [p.deletion_due for p in self.processes.values() if p.alive]
        times.append(self._chaos.next_time())
        ahead = [(time - now()).total_seconds() for time in times if time is not None]
        soonest = min([*ahead, math.inf if seconds is None else seconds])
        self._waiter.wait(None if soonest == math.inf else soonest)
        for process in self.processes.values():
            process.kill_if_due()
        self._chaos.strike(self.processes, now())

    def _stop(self, signals: Signals) -> None:
        """Let every member write a checkpoint and end; a second signal ends them by force."""
        self._control.close()
        for process in self.processes.values():
            process.stop()
        while any(process.alive for process in self.processes.values()):
            if len(signals.came) > 1:
                self._end_all()
            self._wait(None)

    def _end_all(self) -> None:
        for process in self.processes.values():
            process.signal(signal.SIGKILL)


def _name(member: Member) -> str:
    return f"{member.role.value}-{member.index}"


def _here(job: AkidJob) -> AkidJob:
    """The job as it is on this machine: no queue, no expiry, a status of its own."""
    policy = job.spec.run_policy.model_copy(update={"ttl_seconds_after_finished": None})
    spec = job.spec.model_copy(update={"run_policy": policy, "scheduling": Scheduling()})
    return job.model_copy(update={"spec": spec, "status": Status()})
