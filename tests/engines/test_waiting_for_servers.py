"""Processes that begin at the same time wait for each other before TensorFlow asks, once a second."""

from __future__ import annotations

import socket
import threading
import time

from akid.engines.cluster import wait_for_servers


def free_address() -> tuple[socket.socket, str]:
    """A socket bound to a free port, which does not listen yet."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound, f"127.0.0.1:{bound.getsockname()[1]}"


def test_one_that_listens_later_is_waited_for():
    bound, address = free_address()
    with bound:
        begun = time.monotonic()
        threading.Timer(0.3, bound.listen).start()
        wait_for_servers([address, address], patience=30)
        assert 0.25 < time.monotonic() - begun < 10


def test_one_that_never_listens_is_left_to_tensorflow():
    bound, address = free_address()
    with bound:
        begun = time.monotonic()
        wait_for_servers([address, "127.0.0.1:none"], patience=0.2)
        assert 0.2 <= time.monotonic() - begun < 10
