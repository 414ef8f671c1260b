"""Training processes: started by themselves, or forked by a zygote. Their ends come as events."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from akid.trainer import tether

#: What a training process is, unless the supervisor was given a program.
TRAINING = ("-m", "akid.trainer.training")
Tell = Callable[..., None]


class Launcher(Protocol):
    """Starts training processes, one at a time."""

    def start(self, environment: Mapping[str, str]) -> int | None:
        """Start one; gives its pid, or None if it cannot."""

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to the one that runs."""


class Direct:
    """Starts a program for each generation.

    Args:
        argv: program and arguments.
        fds: descriptors it inherits, such as that of the pipe for reports.
    """

    def __init__(self, argv: Sequence[str], fds: Sequence[int]) -> None:
        self._argv, self._fds = list(argv), tuple(fds)
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str]) -> int:
        """See `Launcher`. Whoever reaps children hears of its end."""
        if self._popen is not None:
            self._popen.returncode = 0  # it was reaped elsewhere
        starter = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        self._popen = subprocess.Popen(
            [*starter, *self._argv], env={**os.environ, **environment}, pass_fds=self._fds
        )
        return self._popen.pid

    def signal(self, pid: int, number: int) -> None:
        """See `Launcher`."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Zygote:
    """Forks a process that has imported TensorFlow.

    Args:
        fds: see `Direct`.
        tell: called from a thread with ``"ended", pid=..., code=...``.
        argv: the zygote's program; it is given the descriptors of requests and answers.

    Attributes:
        ready: set once it can fork, or never will.
    """

    def __init__(
        self,
        fds: Sequence[int],
        tell: Tell,
        argv: Sequence[str] = (sys.executable, "-m", "akid.trainer.zygote"),
    ) -> None:
        self._tell = tell
        requests, self._requests = os.pipe()
        answers, told = os.pipe()
        starter = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        command = [*starter, *argv, str(requests), str(told)]
        self._popen = subprocess.Popen(command, pass_fds=(requests, told, *fds), stdin=subprocess.DEVNULL)
        self.pid = self._popen.pid
        os.close(requests)
        os.close(told)
        self._begun = threading.Semaphore(0)
        self.ready = threading.Event()
        self._child = self._pidfd = -1
        threading.Thread(target=self._listen, args=(answers,), name="zygote", daemon=True).start()

    def start(self, environment: Mapping[str, str]) -> int | None:
        """See `Launcher`; None if the zygote is gone: then a process has to do without."""
        self._child = -1
        try:
            os.write(self._requests, json.dumps({"env": dict(environment)}).encode() + b"\n")
        except OSError:
            return None
        self._begun.acquire()
        return self._child if self._child > 0 else None

    def signal(self, pid: int, number: int) -> None:
        """See `Launcher`."""
        with suppress(OSError):
            signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """End it."""
        self._popen.kill()
        self._popen.wait()
        with suppress(OSError):
            os.close(self._requests)

    def _listen(self, answers: int) -> None:
        with os.fdopen(answers, encoding="utf-8") as lines:
            for line in lines:
                answer = json.loads(line)
                if "ready" in answer:
                    self.ready.set()
                elif "code" in answer:
                    os.close(self._pidfd)
                    self._pidfd = -1
                    self._tell("ended", **answer)
                elif "pid" in answer:
                    self._child = answer["pid"]
                    self._pidfd = os.pidfd_open(self._child)
                    self._begun.release()
        if self._child > 0 and self._pidfd >= 0:
            self._tell("ended", pid=self._child, code=-signal.SIGKILL)  # it ends with the zygote
        self._child = -1
        self.ready.set()
        self._begun.release()
