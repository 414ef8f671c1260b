"""The newest state any member holds in memory, brought to the chief before a generation starts."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from akid.snapshots import Header, Slots, write

#: Seconds to connect; for a piece to come; for all of it.
CONNECT, STALL, WHOLE = 0.5, 3.0, 120.0
_CHUNK = 1 << 18


class Say(Protocol):
    """A log."""

    def __call__(self, message: str, level: str = "info", **fields: object) -> None:
        """Write a line."""


def bring(slots: Slots, states: Iterable[Sequence], member: str, token: str, say: Say) -> None:
    """See that the newest state that is whole is in these slots.

    Args:
        slots: the chief's.
        states: (member, step, address) of each that has one, newest first.
        member: the chief's name.
        token: of the job.
        say: what becomes of each.
    """
    for holder, step, address in states if slots.fds else ():
        if holder == member:
            problem = _own(slots, step)
        else:
            problem = fetch(slots.spare, address, token) if address else "it has no port for it"
        if not problem:
            say("newest state in memory", holder=holder, step=step)
            return
        say(f"the state in memory of {holder} is not used: {problem}", "warning", step=step)


def _own(slots: Slots, step: int) -> str:
    found = any(slot.header.step == step and slot.whole for slot in slots.kept())
    return "" if found else "its hash is wrong"


def fetch(fd: int, address: str, token: str) -> str:
    """Fetch another member's newest state into a slot.

    Args:
        fd: of the slot.
        address: ``host:port`` of the member's supervisor.
        token: of the job.

    Returns:
        Why it was not possible; the slot is empty then. Empty if it was.
    """
    host, _, port = address.rpartition(":")
    try:
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=CONNECT)
    except ValueError:
        return f"{address!r} is no address"
    try:
        connection.connect()
        connection.sock.settimeout(STALL)
        connection.request("GET", "/state", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        if response.status != 200:
            return f"{address} answered {response.status}"
        header = Header.of(response.read(Header.LENGTH))
        if header is None or response.getheader("Content-Length") != str(Header.LENGTH + header.size):
            return "it is no state"
        write(fd, header.step, header.generation, _pieces(response, header.size), header.digest)
    except (OSError, http.client.HTTPException, ValueError) as error:
        os.ftruncate(fd, 0)
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return ""


def _pieces(response: http.client.HTTPResponse, size: int) -> Iterator[bytes]:
    end = time.monotonic() + WHOLE
    while size and (piece := response.read(min(_CHUNK, size))):
        size -= len(piece)
        yield piece
        if time.monotonic() > end:
            raise TimeoutError(f"it took longer than {WHOLE:.0f} s")
