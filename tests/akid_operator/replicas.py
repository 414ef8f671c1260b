"""The operator as a process of its own, the way a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.processes import Identity
from cluster.waiting import wait_for


class Operator:
    """One replica. Ends with the block it is made in."""

    def __init__(self, kubeconfig: Path, log: Path, *arguments: str) -> None:
        self._log = log
        command = [sys.executable, "-m", "akid_operator", f"--kubeconfig={kubeconfig}", "--metrics-port=0"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--metrics-host=127.0.0.1", "--log-format=text", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )

    def __enter__(self) -> Operator:
        return self

    @property
    def identity(self) -> Identity:
        """The process, told from others that get its pid."""
        identity = Identity.of(self._process.pid)
        assert identity is not None  # it is reaped only by this class
        return identity

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait(10)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def ready(self, timeout: float = 30) -> Operator:
        """Wait until it has started."""
        wait_for(self._ready, f"the operator is ready: {self.log}", timeout)
        return self

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the operator has ended with {self._process.returncode}:\n{self.log}")
        return self.get("/readyz") == "ok"

    def get(self, path: str) -> str:
        """What it serves at a path; empty before it listens."""
        port = self.log.partition("metrics and health on port ")[2].partition("\n")[0]
        if not port:
            return ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def figure(self, name: str) -> float:
        """A figure of /metrics, by its name with labels."""
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].split()[-1]) if lines else 0.0

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, timeout: float = 10) -> int:
        """Send a signal and wait for the exit code."""
        self.send(number)
        return self._process.wait(timeout)

    def ended(self) -> int | None:
        return self._process.poll()


@contextmanager
def operator(kubeconfig: Path, log: Path, *arguments: str) -> Iterator[Operator]:
    """A replica that is ready."""
    with Operator(kubeconfig, log, *arguments) as running:
        yield running.ready()
