"""In which order a client asks the servers of a volume."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator

import pytest
from akid_csi import servers
from akid_csi.servers import in_order

#: Addresses of this machine: whether somebody listens there is the test's choice.
A, B, C = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Generator[contextlib.ExitStack]:
    """Sockets, which are closed at the end."""
    with contextlib.ExitStack() as sockets:
        # One of the addresses takes a free port for all of them: nobody connects there.
        kept = sockets.enter_context(socket.socket())
        kept.bind(("127.0.0.99", 0))
        monkeypatch.setattr(servers, "PORT", kept.getsockname()[1])
        monkeypatch.setattr(servers, "SECONDS", 0.2)
        yield sockets


def listens(stack: contextlib.ExitStack, server: str) -> None:
    """Somebody listens there."""
    listener = stack.enter_context(socket.socket())
    listener.bind((server, servers.PORT))
    listener.listen()


def is_silent(stack: contextlib.ExitStack, server: str) -> None:
    """What is sent there is neither taken nor refused: its queue of connections is full."""
    listener = stack.enter_context(socket.socket())
    listener.bind((server, servers.PORT))
    listener.listen(0)
    for _ in range(4):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex((server, servers.PORT))


def test_those_that_take_a_connection_come_first(stack: contextlib.ExitStack) -> None:
    is_silent(stack, A)
    listens(stack, C)
    assert in_order((A, B, C), 0) == (C, A, B)


def test_a_name_that_nobody_knows_comes_last(stack: contextlib.ExitStack) -> None:
    listens(stack, B)
    assert in_order(("no-such-host.invalid", B), 0) == (B, "no-such-host.invalid")


def test_the_one_that_failed_is_not_the_next_either(stack: contextlib.ExitStack) -> None:
    is_silent(stack, A)
    for server in (B, C):
        listens(stack, server)
    assert in_order((A, B, C), 0)[0] == B
    assert in_order((A, B, C), (A, B, C).index(B) + 1)[0] == C


@pytest.mark.parametrize(("turns", "order"), [(0, (A, B, C)), (1, (B, C, A)), (5, (C, A, B)), (3, (A, B, C))])
def test_after_each_failure_another_one_comes_first(
    stack: contextlib.ExitStack, turns: int, order: tuple[str, ...]
) -> None:
    for server in (A, B, C):
        listens(stack, server)
    assert in_order((A, B, C), turns) == order


def test_one_alone_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "create_connection")
    assert in_order((A,), 7) == (A,)
