"""Which server of a volume a client asks first. For a silent one it waits longer than a mount may take."""

from __future__ import annotations

import contextlib
import socket

from akid_csi.waiting import within

#: Of glusterd, which gives the description of a volume.
PORT = 24007
#: For a connection; with it a name is looked up.
SECONDS = 2.0


def in_order(servers: tuple[str, ...], begin: int) -> tuple[str, ...]:
    """The servers, one that takes a connection first.

    Args:
        servers: of a volume.
        begin: with which of them to begin: after a failure with the next one, since a server that hangs takes
            connections, too.
    """
    first = begin % len(servers)
    turned = (*servers[first:], *servers[:first])
    for server in turned:
        if len(turned) == 1 or _answers(server):
            return (server, *(other for other in turned if other != server))
    return turned


def _answers(server: str) -> bool:
    with contextlib.suppress(OSError):  # a TimeoutError is one
        within(SECONDS, lambda: socket.create_connection((server, PORT), SECONDS).close())
        return True
    return False
