"""One start of a member: a process, its output, what it reports, and how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from akid.errors import StorageError
from akid.job import Member, MemberState, Phase
from akid.job.objects.processes import ProcessSpec
from akid.report import FD, Lines, event_of
from akid.runner import keeper
from akid.runs.appended import Appended
from akid.runs.space import Space
from akid.trainer import tether

# A pipe holds one such piece; a process that never stops talking must not keep the others waiting.
READ, MAX_READS = 1 << 16, 4


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Process:
    """A member that was started; it ends with this process at the latest.

    It leads a session of its own, so that a Ctrl-C in the terminal is for the runner alone.

    Args:
        name: the member's name within the job, e.g. ``worker-1``.
        member: which member.
        attempt: the attempt of the job it is for.
        spec: what to start.
        log: the file for its output.
        space: tells whether there is space for it.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self, name: str, member: Member, attempt: int, spec: ProcessSpec, log: Path, space: Space
    ) -> None:
        self.name, self.member, self.attempt, self.log = name, member, attempt, log
        self.grace = spec.grace
        self.created = now()
        self.finished: datetime | None = None
        self.deletion_due: datetime | None = None
        self.exit_code: int | None = None
        self.error, self.last_line = "", ""
        self.progress: dict[str, Any] = {}
        self.training: dict[str, Any] = {}
        self._log = Appended(log, space)
        self._keep(b"")
        self._lines = {"output": Lines(), "report": Lines()}
        self._start(spec)

    def _start(self, spec: ProcessSpec) -> None:
        report, told = os.pipe()
        environment = {k: v for k, v in os.environ.items() if k != "TF_CONFIG" and not k.startswith("AKID_FAULT")}
        environment |= {"PYTHONUNBUFFERED": "1", **spec.env, FD: str(told)}
        starter = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        try:
            self._popen = subprocess.Popen(
                [*starter, *spec.argv],
                env=environment,
                cwd=spec.working_dir or None,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(told,),
                start_new_session=True,
            )
        except OSError:
            os.close(report)
            raise
        finally:
            os.close(told)
        assert self._popen.stdout is not None
        self.pid = self._popen.pid
        self.end = os.pidfd_open(self.pid)
        self.pipes = {"output": self._popen.stdout.fileno(), "report": report}
        for fd in self.pipes.values():
            os.set_blocking(fd, False)

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.exit_code is None

    def read(self, pipe: str) -> tuple[list[bytes], bool]:
        """What it said by now on ``output`` or ``report``, in lines, and whether more may come."""
        lines: list[bytes] = []
        data = b"?"
        for _ in range(MAX_READS):
            try:
                data = os.read(self.pipes[pipe], READ)
            except BlockingIOError:
                break
            if pipe == "output":
                self._keep(data)
            lines += self._lines[pipe].feed(data) if data else self._lines[pipe].rest()
            if not data:
                break
        for line in lines:
            self._note(pipe, line)
        return lines, data != b""

    def _keep(self, output: bytes) -> None:
        with suppress(StorageError):  # whatever it is, it must not end the training
            self._log.add(output)

    def _note(self, pipe: str, line: bytes) -> None:
        if pipe == "output":
            self.last_line = line.decode(errors="replace").strip() or self.last_line
            return
        event = event_of(line)
        if event is None:
            return
        if event["event"] == "error":
            self.error = str(event.get("message", ""))
        elif event["event"] == "training":
            self.training = event
            self.progress |= {k: v for k, v in event.items() if k not in ("event", "pid")}
        elif event["event"] == "step":
            self.progress |= {k: v for k, v in event.items() if k != "event"}

    def reap(self) -> None:
        """Take its exit code once it has ended, and end what it left behind in its session."""
        self.signal(signal.SIGKILL)  # while its pid, which is the group's, cannot be anybody else's
        code = self._popen.wait()
        self.exit_code = 128 - code if code < 0 else code
        self.finished = now()
        os.close(self.end)

    def close(self) -> None:
        """Close its files; it has ended and was read to the end."""
        with suppress(StorageError):
            self._log.finish()
        os.close(self.pipes["report"])
        assert self._popen.stdout is not None
        self._popen.stdout.close()

    def stop(self, grace: float | None = None) -> None:
        """Tell it to end, within its grace period at most."""
        if self.alive and self.deletion_due is None:
            self.deletion_due = now() + timedelta(seconds=self.grace if grace is None else grace)
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill_if_due(self) -> None:
        """End it by force if its grace period is over."""
        if self.alive and self.deletion_due is not None and self.deletion_due <= now():
            self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal to it and all it started, unless it has been reaped."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def signal_training(self, number: int) -> None:
        """Send a signal to its training process; to itself if it has no supervisor."""
        pid = int(self.training.get("pid", 0))
        if not self.alive:
            return
        with suppress(ProcessLookupError):
            if pid:
                os.kill(pid, number)
            else:
                os.killpg(self.pid, number)

    def state(self, name: str) -> MemberState:
        """It as the planner sees it.

        Args:
            name: the member's full name.
        """
        phase = Phase.RUNNING if self.exit_code is None else Phase.FAILED if self.exit_code else Phase.SUCCEEDED
        failed = phase is Phase.FAILED
        return MemberState(
            name=name,
            uid=f"{self.name}-{self.pid}-{self.created.timestamp()}",
            member=self.member,
            attempt=self.attempt,
            phase=phase,
            ready=phase is Phase.RUNNING,
            exit_code=self.exit_code,
            reason=reason_of(self.exit_code or 0) if failed else "",
            message=(self.error or self.last_line) if failed else "",
            created=self.created,
            finished=self.finished,
            deletion_due=self.deletion_due if self.alive else None,
        )


def reason_of(exit_code: int) -> str:
    """Why a member failed, in one word: the signal's name, or Error."""
    try:
        return signal.Signals(exit_code - 128).name
    except ValueError:
        return "Error"


class Keeper:
    """Ends the groups of processes that are left once this process is gone, however it ended."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__], stdin=subprocess.PIPE, start_new_session=True
        )

    def started(self, process: Process) -> None:
        """Look after a process."""
        self._tell(f"+{process.pid}")

    def over(self, process: Process) -> None:
        """It has ended."""
        self._tell(f"-{process.pid}")

    def close(self) -> None:
        """End what is left."""
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):
            self._popen.stdin.close()
        self._popen.wait()

    def _tell(self, line: str) -> None:
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):
            self._popen.stdin.write(line.encode() + b"\n")
            self._popen.stdin.flush()
