"""The election, by two candidates with clocks of their own and one Lease in memory."""

from __future__ import annotations

import asyncio

import pytest
from akid_operator.kube.api import Answer, Call
from akid_operator.kube.errors import NotLeaderError
from akid_operator.serve.leader import Leader, Timing
from lease_server import Client, Server

TIMING = Timing(lease=15, deadline=10, retry=2)


class Candidate:
    """One of the replicas."""

    def __init__(self, server: Server, name: str) -> None:
        self.now = 1000.0
        self.leader = Leader(Client(server), "ops", "akid-operator", name, TIMING, lambda: self.now)

    def try_once(self) -> bool:
        return asyncio.run(self.leader.attempt())


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def pair(server: Server) -> tuple[Candidate, Candidate]:
    return Candidate(server, "a"), Candidate(server, "b")


def test_the_first_leads_and_the_second_waits(pair: tuple[Candidate, Candidate], server: Server) -> None:
    a, b = pair
    assert a.try_once()
    assert not b.try_once()
    assert (a.leader.valid(), b.leader.valid()) == (True, False)
    assert server.holder == "a"


def test_a_leader_that_renews_stays(pair: tuple[Candidate, Candidate]) -> None:
    a, b = pair
    for _ in range(30):
        a.now += 2
        b.now += 2
        assert a.try_once()
        assert not b.try_once()


def test_a_silent_leader_is_followed_but_never_before_it_has_stopped_writing(
    pair: tuple[Candidate, Candidate], server: Server
) -> None:
    a, b = pair
    a.try_once()
    waited = 0
    while not b.try_once():
        waited += 1
        a.now += 1
        b.now += 1
    assert waited == TIMING.lease
    assert not a.leader.valid()
    assert server.holder == "b"
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 1


def test_the_age_of_a_lease_is_what_one_saw_oneself(pair: tuple[Candidate, Candidate]) -> None:
    a, b = pair
    a.try_once()
    b.now += 3600  # its clock is an hour ahead
    assert not b.try_once()


def test_a_leader_of_the_past_writes_nothing(pair: tuple[Candidate, Candidate], server: Server) -> None:
    a, _ = pair
    a.try_once()
    client = Client(server, a.leader)
    a.now += 10.5
    with pytest.raises(NotLeaderError, match="the lease has run out"):
        asyncio.run(client.create("/api/v1/namespaces/x/pods", {"metadata": {}}))


def test_a_released_lease_is_taken_at_once(pair: tuple[Candidate, Candidate], server: Server) -> None:
    a, b = pair
    a.try_once()
    b.try_once()
    asyncio.run(a.leader.release())
    assert not a.leader.valid()
    assert b.try_once()
    assert server.holder == "b"


def test_a_renewal_that_comes_in_while_the_lease_is_let_go_does_not_keep_it(
    pair: tuple[Candidate, Candidate], server: Server
) -> None:
    a, b = pair
    a.try_once()
    answer, late = server.answer, [True]

    def answers(call: Call) -> Answer:
        result = answer(call)
        if call.method == "GET" and late:
            late.clear()
            assert server.lease is not None
            answer(Call("PUT", call.path, body=server.lease))
        return result

    server.answer = answers
    asyncio.run(a.leader.release())
    assert server.holder == ""
    assert b.try_once()


def test_a_server_that_is_down_does_not_keep_a_leader_from_going(
    pair: tuple[Candidate, Candidate], server: Server
) -> None:
    a, _ = pair
    a.try_once()
    server.down = True
    asyncio.run(asyncio.wait_for(a.leader.release(), 5))
    assert not a.leader.valid()


def test_a_leader_that_lost_the_lease_is_not_valid_any_more(pair: tuple[Candidate, Candidate]) -> None:
    a, b = pair
    a.try_once()
    for _ in range(2):
        b.try_once()
        b.now += 16
    assert b.try_once()
    assert not asyncio.run(asyncio.wait_for(held(a.leader), 5))


def test_a_leader_that_fails_to_renew_in_an_unforeseen_way_gives_up(
    pair: tuple[Candidate, Candidate], server: Server
) -> None:
    a, _ = pair
    a.try_once()

    def answers(_: Call) -> Answer:
        raise ValueError("no credentials")

    server.answer = answers
    a.now += TIMING.deadline
    assert not asyncio.run(asyncio.wait_for(held(a.leader), 5))


def test_a_renewal_is_one_request_and_has_the_time_that_is_left(
    pair: tuple[Candidate, Candidate], server: Server
) -> None:
    a, _ = pair
    a.try_once()
    answer, asked = server.answer, list[tuple[str, float]]()

    def answers(call: Call) -> Answer:
        asked.append((call.method, call.timeout))
        return answer(call)

    server.answer = answers
    a.now += TIMING.retry
    assert a.try_once()
    assert asked == [("PUT", 4)]


def test_a_lease_somebody_else_changed_is_read_before_it_is_renewed(
    pair: tuple[Candidate, Candidate], server: Server
) -> None:
    a, _ = pair
    a.try_once()
    assert server.lease is not None
    server.answer(
        Call("PUT", "", body=server.lease | {"metadata": server.lease["metadata"] | {"labels": {"a": "b"}}})
    )
    assert a.try_once()
    assert server.lease["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize("late", [0.0, 0.3, 0.66])
def test_another_leads_within_a_second_of_the_lease_of_one_that_was_killed(
    pair: tuple[Candidate, Candidate], monkeypatch: pytest.MonkeyPatch, late: float
) -> None:
    a, b = pair
    a.try_once()
    b.now = a.now + late  # when it looks first: it looks every 0.67 s

    async def sleep(seconds: float) -> None:
        b.now += seconds

    monkeypatch.setattr("akid_operator.serve.leader.asyncio.sleep", sleep)
    asyncio.run(b.leader.acquire())
    assert TIMING.lease <= b.now - a.now <= TIMING.lease + 1


async def held(leader: Leader) -> bool:
    """Whether it is still valid after it gave up."""
    leader.timing = Timing(15, 10, 0.01)
    await leader.hold()
    return leader.valid()
