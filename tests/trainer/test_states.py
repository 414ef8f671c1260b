"""States in memory: written in turn, whole or not used, fetched by whoever has the token."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from akid.snapshots import FDS, Header, Slots, write
from akid.trainer.channel import Server
from akid.trainer.rendezvous import Join, Rendezvous
from akid.trainer.states import bring, fetch


@pytest.fixture
def make_slots():
    """Makes slots, and closes them after the test."""
    made: list[Slots] = []
    yield lambda: made.append(Slots.make()) or made[-1]
    for slots in made:
        for fd in slots.fds:
            os.close(fd)


@pytest.fixture
def serve():
    """Serves slots as a supervisor does; gives the address."""
    servers: list[Server] = []

    def start(slots: Slots) -> str:
        servers.append(Server(0, {}, None, "secret", "127.0.0.1", slots))
        return f"127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def put(slots: Slots, step: int, text: bytes = b"state") -> None:
    """Keep a state where the next one goes."""
    write(slots.spare, step, 1, [text])


def spoil(slots: Slots) -> None:
    """Change the last byte of the newest state."""
    newest = slots.kept()[0]
    os.pwrite(newest.fd, b"?", Header.LENGTH + newest.header.size - 1)


def steps(slots: Slots) -> list[int]:
    return [slot.header.step for slot in slots.kept()]


def test_the_newest_two_states_are_kept_and_a_writer_that_dies_leaves_one(make_slots):
    slots = make_slots()
    for step in (1, 2, 3):
        put(slots, step, b"state %d" % step)
    assert steps(slots) == [3, 2]
    assert bytes(slots.kept()[0].read()) == b"state 3"

    def dies():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(slots.spare, 4, 1, dies())
    assert steps(slots) == [3]
    assert slots.kept()[0].whole


def test_descriptors_of_other_files_are_no_slots(make_slots):
    slots, (reader, writer) = make_slots(), os.pipe()
    assert Slots.of_this_process(slots.environment).fds == slots.fds
    assert Slots.of_this_process({FDS: f"{slots.fds[0]},{writer}"}).fds == ()
    os.close(reader)
    os.close(writer)
    assert Slots.of_this_process({FDS: f"{writer}"}).fds == ()


def test_a_state_of_another_length_or_with_another_byte_is_not_whole(make_slots):
    slots = make_slots()
    put(slots, 1)
    assert slots.kept()[0].whole
    os.ftruncate(slots.kept()[0].fd, Header.LENGTH + 2)
    assert not slots.kept()[0].whole
    put(slots, 2)
    spoil(slots)
    assert not slots.kept()[0].whole


def test_the_newest_state_is_fetched_and_a_damaged_one_is_passed_over(make_slots, serve):
    mine, good, bad = make_slots(), make_slots(), make_slots()
    put(mine, 5)
    put(good, 7, b"x" * 1_000_000)
    put(bad, 9)
    spoil(bad)
    said: list[str] = []
    states = [("worker-2", 9, serve(bad)), ("worker-1", 7, serve(good)), ("worker-0", 5, "")]
    bring(mine, states, "worker-0", "secret", lambda message, *_, **__: said.append(message))
    assert steps(mine) == [7, 5]
    assert mine.kept()[0].whole
    assert mine.kept()[0].header.size == 1_000_000
    assert said[0] == "the state in memory of worker-2 is not used: its hash is wrong"


def test_a_damaged_state_of_the_chief_s_own_gives_way_to_another_member_s(make_slots, serve):
    mine, other = make_slots(), make_slots()
    put(mine, 5)
    spoil(mine)
    put(other, 5)
    bring(mine, [("worker-0", 5, ""), ("worker-1", 5, serve(other))], "worker-0", "secret", lambda *_, **__: None)
    assert [slot.whole for slot in mine.kept()].count(True) == 1


@pytest.mark.parametrize(("token", "problem"), [("guessed", "401"), ("secret", "404")])
def test_a_state_needs_the_token_and_has_to_be_there(token, problem, make_slots, serve):
    mine, other = make_slots(), make_slots()
    if problem == "401":
        put(other, 1)
    assert fetch(mine.spare, serve(other), token).endswith(f"answered {problem}")
    assert steps(mine) == []


def test_an_answer_that_is_no_state_is_refused_before_it_is_taken(make_slots):
    slots = make_slots()
    header = Header(3, 1, 10, b"0" * 32).to_bytes()
    for length, body in ((1 << 40, header), (Header.LENGTH + 10, b"nonsense" * 20), (Header.LENGTH + 10, header)):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=_answer, args=(listener, length, body), daemon=True).start()
            assert fetch(slots.spare, f"127.0.0.1:{listener.getsockname()[1]}", "secret")
        assert steps(slots) == []


def _answer(listener: socket.socket, length: int, body: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % length + body)


def test_a_generation_names_the_states_newest_first_the_chief_s_before_equal_ones():
    rendezvous = Rendezvous(("worker-0", "worker-1", "worker-2", "worker-3"))
    for member, state in enumerate((5, 7, 5, 0)):
        generation = rendezvous.join(
            Join(f"worker-{member}", "a", "", state=state, source=f"10.0.0.{member}:9"), 0.0
        )
    assert generation is not None
    assert generation.states == (
        ("worker-1", 7, "10.0.0.1:9"),
        ("worker-0", 5, "10.0.0.0:9"),
        ("worker-2", 5, "10.0.0.2:9"),
    )
