"""Free ports of this machine."""

from __future__ import annotations

import random
import socket

# Below the range of outgoing connections, one of which could take a port between its choice and its use.
RANGE = range(20_000, 30_000)


def free_port(host: str = "127.0.0.1", taken: frozenset[int] = frozenset()) -> int:
    """A port that nobody listens on now.

    Args:
        host: the address it is for.
        taken: ports that were chosen before and may not be in use yet.

    Raises:
        OSError: none was found.
    """
    for number in random.SystemRandom().sample(RANGE, 200):
        if number not in taken and _is_free(host, number):
            return number
    raise OSError(f"no free port on {host} among 200 of {RANGE.start}-{RANGE.stop - 1}")


def _is_free(host: str, number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, number))
        except OSError:
            return False
        return True
