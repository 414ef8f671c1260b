"""A FUSE client: one `glusterfs` process that serves a volume at a mount point."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from akid_csi import mounts
from akid_csi.attributes import Source
from akid_csi.directories import root_of
from akid_csi.refusal import Code, Refusal
from akid_csi.state import ProcessId
from akid_csi.waiting import within

#: How long a client whose mount is gone may take to end by itself.
END_SECONDS = 5.0
TAIL = 500


class Client:
    """A process that runs, of ours or of the driver's earlier life.

    Args:
        identity: the process.
        child: it as our child, which must be reaped.
    """

    def __init__(self, identity: ProcessId, child: subprocess.Popen[bytes] | None = None) -> None:
        self.identity = identity
        self._child = child
        self._descriptor = os.pidfd_open(identity.pid)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            os.close(self._descriptor)

    @property
    def descriptor(self) -> int:
        """Readable once the process has ended."""
        return self._descriptor

    @property
    def exit_code(self) -> int | None:
        """Of one that has ended, if it was our child."""
        return self._child.returncode if self._child is not None else None

    def ended(self, seconds: float | None = 0.0) -> bool:
        """Whether it has ended, waiting for so long; None for as long as it takes."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(None if seconds is None else seconds * 1000):
            return False
        if self._child is not None:
            self._child.wait()
        return True

    def end(self, seconds: float = END_SECONDS) -> None:
        """Wait for its end, and then make it."""
        if not self.ended(seconds):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            self.ended(seconds)


def found(noted: ProcessId | None) -> Client | None:
    """The client of the driver's earlier life, if it still runs."""
    if noted is None or identity(noted.pid) != noted:
        return None
    try:
        return Client(noted)
    except ProcessLookupError:
        return None


def start(source: Source, point: Path, log: Path, seconds: float) -> Client:
    """Start a client and wait until its mount answers. What fails leaves nothing behind.

    Args:
        source: the volume.
        point: an empty directory with nothing mounted on it.
        log: the file it writes to.
        seconds: how long it may take in all.

    Raises:
        Refusal: UNAVAILABLE, with the end of the client's log; DEADLINE_EXCEEDED.
    """
    deadline = time.monotonic() + seconds
    log.write_bytes(b"")
    child = subprocess.Popen(
        command(source, point, log),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it outlives a Ctrl-C, and the driver
    )
    try:
        started = identity(child.pid)
        if started is None:
            raise Refusal(Code.UNAVAILABLE, f"the client of {source} ended at once.{_said(log)}")
        client = Client(started, child)
        _wait_until_mounted(client, source, point, log, deadline)
        return client
    except BaseException:
        child.kill()
        child.wait()
        mounts.unmount_down_to(str(point), 0)
        raise


def command(source: Source, point: Path, log: Path) -> list[str]:
    """The command line of a client."""
    return [
        "glusterfs",
        "--no-daemon",
        "--process-name",
        "fuse",
        "--fuse-mountopts=nosuid,nodev",
        *(f"--volfile-server={server}" for server in source.servers),
        f"--volfile-id=/{source.volume}",
        "--log-level=WARNING",
        f"--log-file={log}",
        str(point),
    ]


def identity(pid: int) -> ProcessId | None:
    """Who has this number now; None if nobody, or a process that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else ProcessId(pid, int(fields[18]))


def answers(point: Path, seconds: float) -> bool:
    """Whether something is mounted there and says how full it is within these seconds."""
    try:
        within(seconds, lambda: _ask(point))
    except (OSError, Refusal):  # a TimeoutError is an OSError
        return False
    return True


def _ask(point: Path) -> None:
    root = root_of(point)
    try:
        os.fstatvfs(root)
    finally:
        os.close(root)


def _wait_until_mounted(client: Client, source: Source, point: Path, log: Path, deadline: float) -> None:
    """The kernel tells of every change of the list of mounts, and of the process' end."""
    with open("/proc/self/mountinfo") as changes:
        poll = select.poll()
        poll.register(changes, select.POLLPRI | select.POLLERR)
        poll.register(client.descriptor, select.POLLIN)
        while not client.ended():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            if mounts.layers(str(point)):
                if answers(point, left):
                    return
                # It is mounted and gives an error: it is about to end, which the log explains.
                client.ended(min(left, 1.0))
                break
            poll.poll(left * 1000)
    if client.ended():
        raise Refusal(Code.UNAVAILABLE, f"cannot mount {source}: its client ended.{_said(log)}")
    raise Refusal(Code.DEADLINE_EXCEEDED, f"cannot mount {source}: no server answered in time.{_said(log)}")


def tail(log: Path) -> str:
    """The end of a log, in one line."""
    with contextlib.suppress(OSError):
        return " ".join(log.read_text(errors="replace")[-TAIL:].split())
    return ""


def _said(log: Path) -> str:
    """The same as the end of a message."""
    text = tail(log)
    return f" Its log ends with: {text}" if text else ""
