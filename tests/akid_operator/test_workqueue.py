"""The work queue, by a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio

import pytest
from akid_operator.work.queue import LAST_BACKOFF, SPARE, WorkQueue


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock, jitter=lambda: 1.0)


def due(queue: WorkQueue[str]) -> list[str]:
    """Every key that is handed out now."""
    keys: list[str] = []
    while (taken := queue.take()[0]) is not None:
        keys.append(taken.key)
    return keys


def test_a_key_that_is_added_twice_is_handed_out_once(queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.add("b")
    queue.add("a")
    assert due(queue) == ["a", "b"]


def test_a_key_comes_at_the_earlier_of_its_times(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a", 5)
    queue.add("a", 1)
    queue.add("a", 3)
    assert due(queue) == []
    clock.now += 1
    assert due(queue) == ["a"]
    queue.done("a")
    clock.now += 10
    assert due(queue) == []


def test_news_of_a_key_that_is_worked_on_wait_for_the_end_of_the_work(queue: WorkQueue[str]) -> None:
    queue.add("a")
    assert due(queue) == ["a"]
    queue.add("a")
    assert due(queue) == []
    queue.done("a")
    assert due(queue) == ["a"]


def test_work_that_has_begun_comes_before_new_work(queue: WorkQueue[str], clock: Clock) -> None:
    for name in "abc":
        queue.add(name)
    clock.now += 1
    queue.add("z", patience=0.0)
    assert due(queue) == ["z", "a", "b", "c"]


def test_progress_lets_new_work_pass_for_a_while(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("progress", patience=1.0)
    queue.add("new")
    assert due(queue) == ["new", "progress"]
    queue.done("progress")
    queue.add("progress", patience=1.0)
    clock.now += 1
    queue.add("newer")
    assert due(queue) == ["progress", "newer"]


def test_worse_news_of_a_key_that_waits_bring_it_to_the_front(queue: WorkQueue[str]) -> None:
    queue.add("new")
    queue.add("job", patience=1.0)
    queue.add("job", patience=0.0)
    assert due(queue) == ["job", "new"]


def test_a_new_key_that_waits_is_moved_up_by_its_first_news(queue: WorkQueue[str]) -> None:
    for name in "abc":
        queue.add(name)
    assert queue.take()[0] is not None
    queue.add("c", patience=0.0)
    assert due(queue) == ["c", "b"]


def test_a_new_key_that_was_due_much_later_does_not_wait_behind_all_that_is_new(queue: WorkQueue[str]) -> None:
    queue.add("again", 600.0, patience=1.0)
    queue.add("again")
    queue.add("other")
    assert due(queue) == ["again", "other"]


def test_backoffs_double_up_to_a_limit_and_begin_anew_after_success(queue: WorkQueue[str], clock: Clock) -> None:
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[:4] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-1] == LAST_BACKOFF
    queue.succeeded("a")
    assert queue.retry("a") == 0.1
    assert queue.retry("b", at_least=7) == 7
    assert queue.retry("b", at_most=0.15) == 0.15


def test_its_depth_is_what_waits_for_a_worker(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.add("b", 2)
    assert len(queue) == 1
    clock.now += 2.5
    assert len(queue) == 2
    taken, _ = queue.take()
    assert taken == ("a", 2.5)
    assert len(queue) == 1


def test_a_worker_that_waits_is_woken() -> None:
    async def main() -> str:
        queue: WorkQueue[str] = WorkQueue()
        worker = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add("late", 30)
        queue.add("soon", 0.01)
        return (await asyncio.wait_for(worker, 5)).key

    assert asyncio.run(main()) == "soon"


def test_every_one_of_many_workers_gets_a_key() -> None:
    async def main() -> set[str]:
        queue: WorkQueue[str] = WorkQueue()
        workers = [asyncio.create_task(queue.get()) for _ in range(5)]
        await asyncio.sleep(0)
        for name in "abcde":
            queue.add(name)
        return {taken.key for taken in await asyncio.wait_for(asyncio.gather(*workers), 5)}

    assert asyncio.run(main()) == set("abcde")


def test_deadlines_that_are_set_anew_do_not_pile_up(queue: WorkQueue[str], clock: Clock) -> None:
    for _ in range(5000):
        queue.add("job", 604_800.0)
        queue.add("job")
        taken, _ = queue.take()
        assert taken is not None
        queue.done("job")
    queue.add("job", 604_800.0)
    assert len(queue._later) < 2 * SPARE  # pyright: ignore[reportPrivateUsage]
    assert queue.take() == (None, 604_800.0)
    clock.now += 604_800.0
    assert queue.take()[0] is not None
