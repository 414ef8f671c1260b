"""Whatever happens to a job of up to three pods, in whatever order: the plan is right, and leads to an end."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from job.small_worlds import ATTEMPT, Game, World, done_of, reachable, written

from akid.job import ObjectRole, Plan
from akid.job.api.status import Status

TWO = (("name", "multi_worker"), ("workers", 2))
SERVERS = (("name", "parameter_server"), ("workers", 1))  # and a chief and a parameter server
ONCE = ("maxRestarts", 1)
GAMES = {
    "single": Game(
        (("name", "single"),), (ONCE, ("cleanPodPolicy", "All")), ("done", "killed", "broken", "evicted")
    ),
    "in place": Game(TWO, (ONCE,), hangs=False),
    "recreate": Game(TWO, (ONCE, ("restartStrategy", "Recreate")), hangs=False),
    "all workers": Game(TWO, (ONCE, ("successPolicy", "AllWorkers")), suspends=False, hangs=False),
    "scaled": Game(TWO, (("maxRestarts", 0),), ("done", "killed"), (1, 2), suspends=False, hangs=False),
    "elastic": Game((*TWO, ("minWorkers", 1)), (ONCE,), scales=(1, 2), suspends=False, hangs=False),
    "servers": Game(SERVERS, (("maxRestarts", 0),), ("done", "killed"), suspends=False, hangs=False),
}


@pytest.mark.parametrize("kind", GAMES)
def test_in_every_state_the_plan_is_right_and_leads_to_an_end(kind: str) -> None:
    game, ends = GAMES[kind], set[World]()
    found = 0

    def steps(world: World) -> Iterator[World]:
        made = game.planned(world)
        check(game, world, made)
        yield from game.after_writes(world, made)
        yield from game.happens(world)

    for world in reachable(game.start, steps):
        come_to_rest(game, world, ends)
        found += 1
    assert found > 100


def check(game: Game, world: World, made: Plan) -> None:
    """What must be true of every plan."""
    before = json.loads(world.status)
    after = made.status if made.status is not None else before
    old, new = Status.model_validate(before), Status.model_validate(after)
    told = f"{world}\n{made}"
    renews = new.attempt > old.attempt and before != {}
    if old.finished:
        assert made.status is None or written(world, made.status) == world, f"it had ended: {told}"
    check_counts(world, old, new, told)
    for create in made.create:
        if create.kind is ObjectRole.MEMBER and create.member:
            assert not new.finished, f"it has ended: {told}"
            assert not world.suspend, f"it is suspended: {told}"
            assert not renews, f"the old ones are not gone: {told}"
            assert not any(pod.old for pod in world.pods), f"two attempts side by side: {told}"
            assert f"{create.member.role}-{create.member.index}" not in done_of(before), f"it is done: {told}"
    surplus = {f"worker-{index}" for index in range(world.workers, 9)}
    deleted = {delete.uid for delete in made.delete}
    for pod in (pod for pod in world.pods if pod.uid in deleted):
        kept = not (pod.old or pod.going or pod.name in surplus or new.finished or world.suspend)
        if kept and pod.life in ("killed", "broken"):
            assert pod.uid in new.counted_pods, f"it is not counted: {told}"
        elif kept and not renews:
            assert pod.life not in ("pending", "running"), f"nothing is wrong with it: {told}"
    check_follow_up(game, world, made, told)


def check_counts(world: World, old: Status, new: Status, told: str) -> None:
    """A failure is counted once."""
    failed = {pod.uid for pod in world.pods if pod.life in ("killed", "broken") and not pod.going}
    counted = set(new.counted_pods) - set(old.counted_pods)
    assert counted <= failed, f"it counts what was no failure: {told}"
    assert 0 <= new.restarts - old.restarts <= len(counted), f"restarts are miscounted: {told}"


def check_follow_up(game: Game, world: World, made: Plan, told: str) -> None:
    """A write of the status alone is no news to anybody: what follows from it must be asked for."""
    if made.status is None or made.create or made.delete or made.requeue_after is not None:
        return
    then = game.planned(written(world, made.status))
    members = [create for create in then.create if create.kind is ObjectRole.MEMBER]
    assert (members, then.delete) == ([], ()), f"nobody will look again: {told}\n{then}"


def come_to_rest(game: Game, world: World, ends: set[World]) -> None:
    """When all goes well from here on, the job ends or is suspended, nothing runs, and nothing is written."""
    path: list[World] = []
    for _ in range(30):
        if world in ends:
            break
        path.append(world)
        *_, after = world, *game.after_writes(world, game.planned(world))
        following = game.goes_well(after)
        if following == world:
            check_rest(game, world)
            break
        world = following
    else:
        raise AssertionError(f"no rest: {path[-3:]}")
    ends.update(path)


def check_rest(game: Game, world: World) -> None:
    status = Status.model_validate(json.loads(world.status))
    assert status.finished or (world.suspend and status.state == "Suspended"), world
    assert status.attempt == ATTEMPT
    lives = {pod.life for pod in world.pods}
    if not status.finished or dict(game.policy).get("cleanPodPolicy") == "All":
        assert not lives, world
    assert not lives & {"pending", "running"}, world
    last = game.planned(world)
    again = game.planned(world, last.status)
    assert (again.status, again.create, again.delete) == (None, (), ()), f"a write at rest: {world}\n{again}"
