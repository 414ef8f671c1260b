"""In which order a client asks the servers of a volume. For a silent one it waits longer than a mount may take."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

from akid_csi.waiting import within

#: Of glusterd, which gives the description of a volume.
PORT = 24007
#: For a connection; with it a name is looked up.
SECONDS = 2.0


def in_order(servers: tuple[str, ...], turns: int) -> tuple[str, ...]:
    """The servers, those that take a connection first.

    Args:
        servers: of a volume.
        turns: by how many they are moved on: after a failure another one is asked first, since a server that
            hangs takes connections, too.
    """
    first = turns % len(servers)
    moved = (*servers[first:], *servers[:first])
    if len(moved) == 1:
        return moved
    with ThreadPoolExecutor(len(moved)) as pool:
        answers = dict(zip(moved, pool.map(_answers, moved), strict=True))
    return tuple(sorted(moved, key=lambda server: not answers[server]))


def _answers(server: str) -> bool:
    with contextlib.suppress(OSError):  # a TimeoutError is one
        within(SECONDS, lambda: socket.create_connection((server, PORT), SECONDS).close())
        return True
    return False
