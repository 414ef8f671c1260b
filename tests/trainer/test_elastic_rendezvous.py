"""Who is waited for at the rendezvous of an elastic job, and what newcomers cause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from akid.trainer.rendezvous import SETTLE, Elastic, Generation, Join, Left, Rendezvous, Tidings

GRACE = 2.0
FOUR = tuple(f"worker-{index}" for index in range(4))


def meeting() -> Rendezvous:
    return Rendezvous(FOUR, elastic=Elastic(2, GRACE))


def join(
    rendezvous: Rendezvous, member: int, now: float, incarnation: str = "a", **facts: int
) -> Generation | None:
    return rendezvous.join(Join(f"worker-{member}", incarnation, f"10.0.0.{member}:{now:g}", **facts), now)


def together(rendezvous: Rendezvous, *members: int, now: float = 0.0, number: int = 0) -> list[str]:
    """All of them ask, until nothing new comes of it; gives who is in the generation."""
    for member in (*members, *members):
        join(rendezvous, member, now, generation=number)
    return list(rendezvous.generation.addresses) if rendezvous.generation else []


def running(*members: int) -> Rendezvous:
    """A rendezvous of which these are in generation 1."""
    rendezvous = meeting()
    for now in (0.0, GRACE):
        together(rendezvous, *members, now=now)
    assert rendezvous.generation is not None
    assert len(rendezvous.generation.addresses) == len(members)
    return rendezvous


def test_all_that_are_known_begin_at_once_and_fewer_after_the_grace_period():
    assert together(meeting(), 0, 1, 2, 3) == list(FOUR)
    rendezvous = meeting()
    assert together(rendezvous, 0, 2, now=5.0) == []
    assert together(rendezvous, 0, 2, now=5.0 + GRACE) == ["worker-0", "worker-2"]


@pytest.mark.parametrize("members", [(0,), (1, 2, 3)], ids=["too few", "no chief"])
def test_too_few_wait_for_ever_and_so_does_everybody_without_the_chief(members):
    rendezvous = meeting()
    for now in range(10):
        assert together(rendezvous, *members, now=now * GRACE) == []
    assert together(rendezvous, 0, *members, 1, now=50.0) == ([] if members == (0,) else list(FOUR))


def test_who_was_told_to_end_is_not_waited_for():
    rendezvous = running(0, 1, 2, 3)
    for member in (2, 3):
        rendezvous.leave(f"worker-{member}", "a", 1, Left.TERMINATED)
    assert rendezvous.watch("worker-0", "a", 1) is Tidings.FINISH
    assert together(rendezvous, 0, 1, now=9.0, number=1) == ["worker-0", "worker-1"]


def test_who_is_told_to_end_while_it_waits_is_not_waited_for():
    rendezvous = meeting()
    together(rendezvous, 0, 1, 2, now=0.0)
    rendezvous.leave("worker-2", "a", 0, Left.TERMINATED)
    rendezvous.leave("worker-3", "b", 0, Left.TERMINATED)  # one that nobody knows
    assert together(rendezvous, 0, 1, now=0.5) == []
    assert together(rendezvous, 0, 1, 3, now=0.6) == ["worker-0", "worker-1", "worker-3"]


def test_who_died_is_waited_for_and_then_no_longer():
    rendezvous = running(0, 1, 2)
    rendezvous.leave("worker-0", "a", 1, Left.LOST)
    assert together(rendezvous, 0, 1, now=9.0, number=1) == ["worker-0", "worker-1", "worker-2"]
    assert rendezvous.broken is Left.LOST
    assert together(rendezvous, 0, 1, now=9.0 + GRACE, number=1) == ["worker-0", "worker-1"]
    assert rendezvous.generation is not None
    assert rendezvous.generation.blamed == ("worker-2",)


def test_newcomers_that_come_together_cause_one_generation_at_a_step_of_the_others_choice():
    rendezvous = running(0, 1)
    assert join(rendezvous, 7, 10.0) is None
    assert join(rendezvous, 2, 10.0 + SETTLE / 2) is None
    assert rendezvous.watch("worker-1", "a", 1) is Tidings.NOTHING
    assert join(rendezvous, 7, 10.0 + SETTLE) is None
    assert rendezvous.watch("worker-1", "a", 1) is Tidings.REGROUP
    names = together(rendezvous, 0, 1, now=10.0 + SETTLE, number=1)
    assert names == ["worker-0", "worker-1", "worker-2", "worker-7"]
    assert rendezvous.generation is not None
    assert rendezvous.generation.blamed == ("worker-2", "worker-7")


def test_a_newcomer_that_goes_away_again_holds_up_nobody():
    rendezvous = running(0, 1)
    join(rendezvous, 2, 10.0)
    join(rendezvous, 2, 10.0 + SETTLE)
    rendezvous.leave("worker-2", "a", 0, Left.TERMINATED)
    assert together(rendezvous, 0, 1, now=12.0, number=1) == ["worker-0", "worker-1"]


@pytest.mark.parametrize("name", ["worker-1000", "ps-0", "worker-x", "worker"])
def test_a_stranger_is_refused(name):
    with pytest.raises(ValueError, match="the job has no member"):
        meeting().join(Join(name, "a", "10.0.0.9:1"), 0.0)


WHAT, MEMBERS = st.sampled_from(["join", *Left]), st.integers(0, 5)
ACTIONS = st.lists(st.tuples(WHAT, MEMBERS, st.floats(0.0, 3.0)), max_size=80)


@given(ACTIONS)
def test_whatever_happens_the_chief_is_in_each_generation_and_all_that_stay_meet(actions):
    rendezvous, now, last = meeting(), 0.0, dict.fromkeys(range(6), 0)
    for what, member, wait in actions:
        if isinstance(what, Left):
            rendezvous.leave(f"worker-{member}", "a", last[member], what)
            continue
        now += wait
        found = join(rendezvous, member, now, generation=last[member])
        if found is not None:
            assert found.number > last[member]
            assert next(iter(found.addresses)) == "worker-0"
            assert len(found.addresses) >= 2
            last[member] = found.number
    for _ in range(20):
        now += GRACE / 4
        for member in range(6):
            if rendezvous.watch(f"worker-{member}", "b", last[member]) is Tidings.NOTHING:
                continue  # it trains
            found = join(rendezvous, member, now, "b", generation=last[member])
            last[member] = found.number if found else last[member]
    assert rendezvous.present == {f"worker-{member}" for member in range(6)}
    assert len(set(last.values())) == 1
