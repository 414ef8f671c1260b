"""Ports that nobody else takes from a cluster, also not while its API server is restarted."""

import random
import socket

# Below the range of outgoing connections, one of which could sit on our port otherwise.
RANGE = range(20_000, 30_000)


class Port:
    """A port of 127.0.0.1, ours among all clusters until `release()` or the process' end."""

    def __init__(self) -> None:
        for number in random.SystemRandom().sample(RANGE, 200):
            lock = _lock(number)
            if lock is not None:
                self.number = number
                self._lock = lock
                return
        raise RuntimeError(f"no free port in {RANGE}")

    def release(self) -> None:
        """Let others have it."""
        self._lock.close()

    def __enter__(self) -> "Port":
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def _lock(number: int) -> socket.socket | None:
    """Hold the port's abstract socket, which the kernel frees; None when the port is not free."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0akid-test-port-{number}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", number))
    except OSError:
        lock.close()
        return None
    return lock
