"""The rendezvous' state: when generations begin and break, what members are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from akid.trainer.rendezvous import FRESH, Join, Left, Rendezvous, Tidings

NAMES = ("worker-0", "worker-1", "worker-2")


def join(rendezvous: Rendezvous, member: int, now: float = 0.0, incarnation: str = "a", **facts):
    return rendezvous.join(Join(NAMES[member], incarnation, f"10.0.0.{member}:{now:.0f}", **facts), now)


def meeting(now: float = 0.0, number: int = 0) -> Rendezvous:
    """A rendezvous at which everybody is in a generation."""
    rendezvous = Rendezvous(NAMES)
    for member in (0, 1, 2, 0, 1):
        join(rendezvous, member, now, generation=number)
    return rendezvous


def test_a_generation_begins_once_everybody_is_there_with_the_newest_addresses():
    rendezvous = Rendezvous(NAMES)
    assert join(rendezvous, 0) is None
    assert join(rendezvous, 1, 1.0) is None
    assert join(rendezvous, 0, 2.0) is None
    generation = join(rendezvous, 2, 2.0)
    assert generation is not None
    assert generation.number == 1
    assert dict(generation.addresses) == {NAMES[0]: "10.0.0.0:2", NAMES[1]: "10.0.0.1:1", NAMES[2]: "10.0.0.2:2"}


def test_a_member_that_does_not_ask_any_more_is_not_there():
    rendezvous = Rendezvous(NAMES)
    join(rendezvous, 0, 0.0)
    join(rendezvous, 1, FRESH)
    assert join(rendezvous, 2, FRESH + 1) is None
    assert join(rendezvous, 0, FRESH + 1) is not None


def test_an_answer_that_was_lost_is_given_again():
    rendezvous = meeting()
    assert join(rendezvous, 1, 1.0) == rendezvous.generation
    assert rendezvous.broken is None


def test_a_chief_that_was_replaced_goes_on_counting_where_the_members_are():
    generation = meeting(number=7).generation
    assert generation is not None
    assert generation.number == 8


def test_generations_of_earlier_meetings_in_a_run_directory_are_counted_on():
    rendezvous = Rendezvous(NAMES[:1], before=7)
    generation = join(rendezvous, 0)
    assert generation is not None
    assert generation.number == 8


@pytest.mark.parametrize(
    ("why", "tidings", "blamed"),
    [
        (Left.DIED, Tidings.RESTART, ("worker-1",)),
        (Left.TERMINATED, Tidings.FINISH, ("worker-1",)),
        (Left.LOST, Tidings.RESTART, ()),
    ],
)
def test_the_others_are_told_when_one_leaves_and_who_is_to_blame(why, tidings, blamed):
    rendezvous = meeting()
    assert rendezvous.watch(NAMES[0], "a", 1) is Tidings.NOTHING
    rendezvous.leave(NAMES[1], "a", 1, why)
    assert rendezvous.watch(NAMES[0], "a", 1) is tidings
    for member in (0, 1, 2):
        join(rendezvous, member, 5.0, generation=1, highest=10 * member)
    assert rendezvous.generation is not None
    assert (rendezvous.generation.number, rendezvous.generation.highest) == (2, 20)
    assert rendezvous.generation.blamed == blamed


def test_a_member_that_died_after_another_missed_it_is_still_to_blame():
    rendezvous = meeting()
    rendezvous.leave(NAMES[0], "a", 1, Left.LOST)
    rendezvous.leave(NAMES[1], "a", 1, Left.DIED)
    for member in (0, 1, 2):
        join(rendezvous, member, 5.0, generation=1)
    assert rendezvous.generation is not None
    assert rendezvous.generation.blamed == ("worker-1",)


def test_a_new_process_of_a_member_breaks_the_generation_of_its_old_one():
    rendezvous = meeting()
    assert join(rendezvous, 1, 1.0, incarnation="b") is None
    assert rendezvous.watch(NAMES[0], "a", 1) is Tidings.RESTART
    rendezvous.leave(NAMES[1], "a", 1, Left.DIED)
    rendezvous.done(NAMES[1], "b", 1)
    join(rendezvous, 0, 1.0, generation=1)
    assert join(rendezvous, 2, 1.0, generation=1) is None
    assert join(rendezvous, 1, 1.5, incarnation="b") is not None
    assert rendezvous.watch(NAMES[1], "a", 2) is Tidings.RESTART


def test_a_spare_member_that_leaves_breaks_nothing_until_it_is_back():
    rendezvous = Rendezvous(NAMES, spare=NAMES[1:])
    for member in (0, 1, 2):
        join(rendezvous, member)
    rendezvous.leave(NAMES[1], "a", 1, Left.DIED)
    assert rendezvous.watch(NAMES[0], "a", 1) is Tidings.NOTHING
    join(rendezvous, 1, 5.0, incarnation="b")
    assert rendezvous.watch(NAMES[0], "a", 1) is Tidings.RESTART
    join(rendezvous, 0, 5.0, generation=1)
    generation = join(rendezvous, 2, 5.0, generation=1)
    assert generation is not None
    assert generation.blamed == (NAMES[1],)


def test_who_left_or_was_told_knows_that_the_generation_is_broken():
    rendezvous = meeting()
    rendezvous.leave(NAMES[0], "a", 1, Left.TERMINATED)
    rendezvous.watch(NAMES[2], "a", 1)
    assert rendezvous.told == {NAMES[0], NAMES[2]}


def test_the_chief_s_end_is_the_end_of_the_job():
    rendezvous = meeting()
    rendezvous.done(NAMES[1], "a", 1)
    assert rendezvous.watch(NAMES[2], "a", 1) is Tidings.NOTHING
    rendezvous.done(NAMES[0], "a", 1)
    assert rendezvous.watch(NAMES[2], "a", 1) is Tidings.OVER
    assert rendezvous.heard == {NAMES[2]}


def test_a_chief_of_an_old_generation_ends_nothing():
    rendezvous = meeting()
    rendezvous.leave(NAMES[1], "a", 1, Left.DIED)
    for member in (0, 1, 2):
        join(rendezvous, member, 5.0, generation=1)
    rendezvous.done(NAMES[0], "a", 1)
    assert not rendezvous.over


def test_a_stranger_is_refused():
    with pytest.raises(ValueError, match="the job has no member 'worker-9', only worker-0, worker-1, worker-2"):
        Rendezvous(NAMES).join(Join("worker-9", "a", "10.0.0.9:1"), 0.0)


MEMBERS, INCARNATIONS = st.integers(0, 2), st.sampled_from("ab")
ACTIONS = st.one_of(
    st.tuples(st.just("join"), MEMBERS, INCARNATIONS, st.floats(0.0, 3.0)),
    st.tuples(st.just("leave"), MEMBERS, INCARNATIONS, st.sampled_from(Left)),
)


@given(st.lists(ACTIONS, max_size=60))
def test_whatever_happens_generations_only_go_up_and_everybody_meets_again(actions):
    rendezvous, now, seen = Rendezvous(NAMES), 0.0, [0]
    last = dict.fromkeys([(m, i) for m in range(3) for i in "ab"], 0)
    for what, member, incarnation, fact in actions:
        who = (member, incarnation)
        if what == "leave":
            rendezvous.leave(NAMES[member], incarnation, last[who], fact)
            continue
        now += fact
        generation = join(rendezvous, member, now, incarnation, generation=last[who])
        if generation is not None:
            assert generation.number > last[who]
            assert generation.incarnations[NAMES[member]] == incarnation
            assert set(generation.addresses) == set(NAMES)
            assert generation.number >= seen[-1]
            last[who] = generation.number
            seen.append(generation.number)
    # Once for those who still waited as another process, once to meet, once to hear of it.
    answers = [join(rendezvous, member, now, "c") for _ in range(3) for member in range(3)][-3:]
    assert None not in answers
    assert len({answer.number for answer in answers if answer}) == 1
