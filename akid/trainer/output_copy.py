"""What a member says, copied into the run directory on its way out: it outlives the pod that said it.

A volume that is full, slow or hangs costs lines of the copy, never the training: what is said goes out first, and
the file has a thread and a bounded queue of its own. The local runner keeps the output of its members itself.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from akid.member_logs import next_log
from akid.output import say
from akid.report import Lines

READ = 1 << 16
#: Bytes that may wait to be written, and bytes a file may have.
MAX_WAITING, MAX_FILE = 4 << 20, 256 << 20
#: Seconds to write what is left once the member is done.
LAST_SECONDS = 5.0
DROPPED = b"akid: lines are missing here: the volume was too slow\n"
FULL = b"akid: this log ends here, it is too long; `kubectl logs` has the rest\n"


class OutputCopy:
    """From now on, whatever this process and its children write to standard output and error is copied.

    Args:
        log_dir: the run directory.
        member: such as ``worker-1``.
    """

    def __init__(self, log_dir: Path, member: str) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._waiting, self._dropped = 0, False
        self._lock = threading.Lock()
        self._writer = _begin("log", self._write, log_dir, member)
        self._originals = {stream.fileno(): os.dup(stream.fileno()) for stream in (sys.stdout, sys.stderr)}
        self._readers = [self._divert(fd, original) for fd, original in self._originals.items()]

    def close(self) -> None:
        """Write what is left, as far as that can be done in time."""
        end = time.monotonic() + LAST_SECONDS
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for fd, original in self._originals.items():
            os.dup2(original, fd)
        for reader in self._readers:
            # A process that was left behind may hold its end of the pipe.
            reader.join(max(0.0, end - time.monotonic()))
        self._lines.put(None)
        self._writer.join(max(0.0, end - time.monotonic()))

    def _divert(self, fd: int, original: int) -> threading.Thread:
        reader, writer = os.pipe()
        os.dup2(writer, fd)
        os.close(writer)
        return _begin("output", self._forward, reader, original)

    def _forward(self, reader: int, original: int) -> None:
        """Pass on what comes, at once, and keep whole lines of it: two streams share the file."""
        lines = Lines()
        while data := os.read(reader, READ):
            with suppress(OSError):  # a reader that goes away costs no run
                _write_all(original, data)
            self._keep(lines.feed(data))
        self._keep(lines.rest())

    def _keep(self, lines: list[bytes]) -> None:
        text = b"".join(line + b"\n" for line in lines)
        with self._lock:
            dropped = self._waiting + len(text) > MAX_WAITING
            if dropped and not self._dropped:
                text = DROPPED
            elif dropped:
                return
            self._dropped = dropped
            self._waiting += len(text)
        self._lines.put(text)

    def _write(self, log_dir: Path, member: str) -> None:
        file, size, full = _open(log_dir, member), 0, False
        while (text := self._lines.get()) is not None:
            with self._lock:
                self._waiting -= len(text)
            if full:
                continue
            full = size + len(text) > MAX_FILE
            text = FULL if full else text
            size += len(text)
            try:
                file.write(text)
            except OSError:  # a full disk; a file system that was mounted anew: what is open is not on it
                file = _opened_again(file, text)
        with suppress(OSError):
            file.close()


def _begin(name: str, work: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=args, name=name, daemon=True)
    thread.start()
    return thread


def _open(log_dir: Path, member: str) -> BinaryIO:
    """The file; what is written goes nowhere if there can be none."""
    try:
        return _appending(next_log(log_dir, member))
    except OSError as error:
        problem = f"akid: {error.filename or log_dir} cannot be written: {error.strerror}."
        say(problem, sys.stderr)
        return open(os.devnull, "ab", buffering=0)


def _appending(path: Path) -> BinaryIO:
    return path.open("ab", buffering=0)


def _opened_again(file: BinaryIO, text: bytes) -> BinaryIO:
    """The file, opened anew by its name if it can be, and the text written if there is space."""
    try:
        again = _appending(Path(file.name))
    except OSError:
        return file
    with suppress(OSError):
        file.close()
    with suppress(OSError):
        again.write(text)
    return again


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
