"""Keep the processes of one cluster: a program of its own that ends them when its starter is gone.

The starter (a test run, or `make cluster`) talks to it over stdin and stdout, one JSON object a
line. When stdin ends or the starter is gone (it closed the pipe, crashed, was killed with -9),
every child is killed and the cluster's directory is removed. Should the keeper itself be killed,
the kernel kills the children (PR_SET_PDEATHSIG). Only the keeper signals them: a child that its
parent has not reaped keeps its pid, so that a signal can never reach a stranger. A pid namespace
would do the same, but many machines refuse to make one.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
SELF = os.getpid()
STARTER = os.getppid()
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_keeper() -> None:
    """In the child, before exec. Safe as preexec_fn: the keeper has a single thread."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != SELF:  # the keeper died before the line above
        os._exit(1)


class Children:
    """The children by name, and what can be asked of them."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request, one reply."""
        name = request["name"]
        match request["do"]:
            case "start":
                return self._start(name, request["argv"])
            case "signal":
                self._running[name].send_signal(request["number"])
                return {}
            case "poll":
                return {"code": self._running[name].poll()}
            case unknown:
                return {"error": f"unknown request {unknown!r}"}

    def _start(self, name: str, argv: list[str]) -> dict[str, Any]:
        previous = self._running.get(name)
        if previous is not None and previous.poll() is None:
            return {"error": f"{name} is running already"}
        with (self._logs / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._logs,
                preexec_fn=_die_with_keeper,
            )
        self._running[name] = child
        return {"pid": child.pid}

    def end(self) -> None:
        """Kill and reap all of them. Nothing of a test cluster is worth an orderly end."""
        for child in self._running.values():
            child.kill()
        for child in self._running.values():
            child.wait()


def requests() -> Iterator[str]:
    """Lines of stdin until its end, or the starter's: a fork of that may still hold the pipe."""
    while os.getppid() == STARTER:
        if select.select([sys.stdin], [], [], 1)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            yield line


def serve(children: Children) -> None:
    """Answer one request at a time."""
    for line in requests():
        try:
            reply = children.answer(json.loads(line))
        except (OSError, KeyError) as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


def _exit(number: int, frame: object) -> None:
    sys.exit(128 + number)


def main() -> None:
    """`keeper.py DIRECTORY`: the directory exists already, with a folder logs in it."""
    directory = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, _exit)
    children = Children(directory / "logs")
    try:
        with contextlib.suppress(BrokenPipeError):
            serve(children)
    finally:
        children.end()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
