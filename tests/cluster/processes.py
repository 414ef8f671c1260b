"""The starter's side of the keeper: start, signal and watch the processes of one cluster."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEEPER = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True)
class Identity:
    """A process, told by pid and start time from whatever gets the same pid later."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Who has this pid now, perhaps as a zombie; None when nobody does."""
        state = _state(pid)
        return None if state is None else cls(pid, state[1])

    def alive(self) -> bool:
        """Whether it still runs: a zombie does not."""
        state = _state(self.pid)
        return state is not None and state[0] != "Z" and state[1] == self.started


def _state(pid: int) -> tuple[str, int] | None:
    """State and start time, in ticks since boot, by the kernel's account."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return state, int(fields[18])


class Keeper:
    """Owns the processes of one cluster and its directory; both are gone after `close()`."""

    def __init__(self, directory: Path) -> None:
        (directory / "logs").mkdir(parents=True)
        self.logs = directory / "logs"
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is for the test run, which ends its clusters
        )
        identity = Identity.of(self._process.pid)
        assert identity is not None
        self.identity = identity

    def ask(self, do: str, name: str, **details: Any) -> dict[str, Any]:
        """Send one request and return its reply."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"do": do, "name": name, **details}) + "\n")
            self._process.stdin.flush()
            reply: dict[str, Any] = json.loads(
                self._process.stdout.readline() or '{"error": "the keeper has ended"}'
            )
        if "error" in reply:
            raise RuntimeError(f"{do} {name}: {reply['error']}")
        return reply

    def close(self, timeout: float = 30) -> None:
        """End every process, remove the directory."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(timeout)


class Process:
    """One program of a cluster. It can be stopped and started again with the same arguments."""

    def __init__(self, keeper: Keeper, name: str, argv: list[str]) -> None:
        self.name = name
        self.log = keeper.logs / f"{name}.log"
        self._keeper = keeper
        self._argv = argv
        self.identity = self.start()

    def start(self) -> Identity:
        """Start it (again)."""
        pid = self._keeper.ask("start", self.name, argv=self._argv)["pid"]
        identity = Identity.of(pid)
        assert identity is not None  # the keeper reaps a child only when asked about it
        self.identity = identity
        return identity

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has ended."""
        self._keeper.ask("signal", self.name, number=int(number))

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._keeper.ask("poll", self.name)["code"]

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 30) -> None:
        """End it by a signal, SIGKILL for a crash, and wait until it is gone."""
        self.send(number)
        deadline = time.monotonic() + timeout
        while self.exit_code() is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} still runs {timeout} s after {number.name}")
            time.sleep(0.02)

    @contextmanager
    def paused(self) -> Generator[None]:
        """Frozen (SIGSTOP) inside the block, as a machine that hangs."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def tail(self, lines: int = 15) -> str:
        """The end of its log, for messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""
