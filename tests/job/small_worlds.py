"""Every state that a small job and its pods can get into, whatever happens, in whatever order.

Two looks of the operator are an hour apart, so that all that waits has waited enough; a pod that was deleted is on
its way out, or overdue. Words, times and counts are left out of a state, and the number of the attempt: so there
are finitely many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

from job.manifests import manifest
from job.scenes import OBJECTS, T0, at

from akid.job import AkidJob, Member, MemberState, ObjectRole, Observed, Phase, Plan, parse, plan
from akid.job.api.engine import RoleName
from akid.job.api.status import Status
from akid.job.planner.conditions import completed_of

HOUR = 3600
ATTEMPT = 7
#: The lives of a trainer: its phase, its exit code, whether the cluster ended it.
LIVES = {
    "pending": (Phase.PENDING, None, False), "running": (Phase.RUNNING, None, False),
    "done": (Phase.SUCCEEDED, 0, False), "killed": (Phase.FAILED, 137, False),
    "broken": (Phase.FAILED, 1, False), "evicted": (Phase.FAILED, None, True),
}  # fmt: skip
KEPT = {"attempt", "restarts", "workers", "state", "countedPods", "startTime", "completionTime"}


class Pod(NamedTuple):
    """A pod: whose, of this attempt or an earlier one, where in its life, and whether it is being deleted."""

    name: str
    old: bool = False
    life: str = "pending"
    going: str = ""

    @property
    def uid(self) -> str:
        return f"{self.name}{'-old' * self.old}"

    @property
    def ended(self) -> bool:
        return self.life not in ("pending", "running")

    def plain(self) -> Pod:
        """Without what makes no difference: how an old one fares, by when one that has ended should be gone."""
        life = self.life if not self.old else "killed" if self.ended else "running"
        return self._replace(life=life, going="soon" if self.ended and self.going else self.going)

    def state(self) -> MemberState:
        """As the planner sees it."""
        role, index = self.name.split("-")
        phase, code, disrupted = LIVES[self.life]
        due = {"": None, "soon": at(2 * HOUR), "overdue": T0}[self.going]
        return MemberState(
            name=f"digits-{self.name}", uid=self.uid, member=Member(RoleName(role), int(index)),
            attempt=ATTEMPT - self.old, phase=phase, ready=self.life == "running", exit_code=code,
            disrupted=disrupted, created=T0, finished=T0 if self.ended else None, deletion_due=due,
        )  # fmt: skip


class World(NamedTuple):
    """A job (its status as JSON) and its pods."""

    status: str
    pods: tuple[Pod, ...]
    suspend: bool
    workers: int

    def having(self, old: Pod | None, *new: Pod) -> World:
        """With another pod in the place of one, or with none."""
        kept = [*(pod for pod in self.pods if pod != old), *(pod.plain() for pod in new)]
        return self._replace(pods=tuple(sorted(kept)))


@dataclass(frozen=True)
class Game:
    """The rules for a job of this spec.

    Args:
        engine: its engine.
        policy: its runPolicy.
        ends: how trainers may end.
        scales: the numbers of workers it may be given.
        suspends: whether it may be suspended.
        hangs: whether a pod may hang on a dead node.
    """

    engine: tuple[tuple[str, Any], ...]
    policy: tuple[tuple[str, Any], ...] = ()
    ends: tuple[str, ...] = ("done", "killed", "evicted")
    scales: tuple[int, ...] = ()
    suspends: bool = True
    hangs: bool = True

    @cached_property
    def start(self) -> World:
        return World("{}", (), suspend=False, workers=dict(self.engine).get("workers", 1))

    @cached_property
    def _plans(self) -> dict[World, Plan]:
        return {}

    @cache  # noqa: B019
    def _job(self, workers: int, suspend: bool) -> AkidJob:
        engine = {**dict(self.engine), **({"workers": workers} if self.scales else {})}
        return parse(manifest(engine=engine, runPolicy={**dict(self.policy), "suspend": suspend}))

    def job(self, world: World, status: dict[str, Any] | None = None) -> AkidJob:
        """The job of a world, perhaps with another status."""
        read = Status.model_validate(json.loads(world.status) if status is None else status)
        return self._job(world.workers, world.suspend).model_copy(update={"status": read})

    def planned(self, world: World, status: dict[str, Any] | None = None) -> Plan:
        """The operator's plan, an hour later."""
        if status is None and world in self._plans:
            return self._plans[world]
        members = tuple(pod.state() for pod in world.pods)
        job = self.job(world, status)
        made = plan(job, Observed(members, objects={} if job.status.finished else OBJECTS), at(HOUR))
        if status is None:
            self._plans[world] = made
        return made

    # -- what may happen

    def after_writes(self, world: World, made: Plan) -> Iterator[World]:
        """The worlds after each of a plan's writes: the operator may die after any."""
        if made.status is not None:
            world = written(world, made.status)
            yield world
        for delete in made.delete:
            yield (world := removed(world, delete.name.removeprefix("digits-"), force=delete.force))
        for create in made.create:
            if create.kind is ObjectRole.MEMBER and create.member is not None:
                name = f"{create.member.role}-{create.member.index}"
                if name not in {pod.name for pod in world.pods}:
                    yield (world := world.having(None, Pod(name)))

    def happens(self, world: World) -> Iterator[World]:
        """What nodes, clusters and users may do."""
        for pod in world.pods:
            yield cleaned(world.having(pod))
            if pod.going == "soon" and self.hangs:
                yield world.having(pod, pod._replace(going="overdue"))
            elif not pod.going and not pod.ended:
                yield world.having(pod, pod._replace(going="soon"))
            if pod.life == "pending":
                yield world.having(pod, pod._replace(life="running"))
            elif pod.life == "running":
                yield from (world.having(pod, pod._replace(life=end)) for end in self.ends)
        if self.suspends:
            yield world._replace(suspend=not world.suspend)
        for workers in self.scales:
            yield world._replace(workers=workers)

    def goes_well(self, world: World) -> World:
        """Everybody but the operator does what is to be done; trainers end well when there is nothing else."""
        moved = world
        for pod in world.pods:
            if pod.going:
                moved = cleaned(moved.having(pod))
            elif pod.life == "pending":
                moved = moved.having(pod, pod._replace(life="running"))
        if moved != world:
            return moved
        for pod in world.pods:
            if pod.life == "running":
                moved = moved.having(pod, pod._replace(life="done"))
        return moved


def removed(world: World, name: str, *, force: bool) -> World:
    """A pod was deleted: it is gone at once if nothing of it runs, or by force."""
    pod = next((pod for pod in world.pods if pod.name == name), None)
    if pod is None:
        return world
    if force or pod.ended:
        return cleaned(world.having(pod))
    return world.having(pod, pod._replace(going=pod.going or "soon"))


def written(world: World, status: dict[str, Any]) -> World:
    """A status was written: its attempt is the present one, whatever its number."""
    passed = status.get("attempt", 0) > json.loads(world.status).get("attempt", 0) and bool(world.status != "{}")
    pods = tuple(sorted({pod._replace(old=True).plain() if passed else pod for pod in world.pods}))
    renamed = {pod.uid: f"{pod.name}-old" for pod in world.pods} if passed else {}
    kept = {name: status[name] for name in KEPT & status.keys()} | {"attempt": ATTEMPT}
    for name in ("startTime", "completionTime"):
        if kept.get(name):
            kept[name] = "2026-01-01T12:00:00Z"
    kept["countedPods"] = [renamed.get(uid, uid) for uid in kept.get("countedPods", [])]
    holds = {condition["type"] for condition in status.get("conditions", []) if condition["status"] == "True"}
    fixed = {"status": "True", "reason": "", "lastTransitionTime": "2026-01-01T12:00:00Z"}
    kept["conditions"] = [{"type": kind, **fixed} for kind in sorted(holds)]
    done = {role: counts.get("completedIndexes") for role, counts in status.get("replicaStatuses", {}).items()}
    kept["replicaStatuses"] = {role: {"completedIndexes": which} for role, which in done.items() if which}
    return cleaned(world._replace(status=json.dumps(kept, sort_keys=True), pods=pods))


def cleaned(world: World) -> World:
    """Without the memory of pods that are gone."""
    status, uids = json.loads(world.status), {pod.uid for pod in world.pods}
    if "countedPods" in status:
        status["countedPods"] = sorted(uid for uid in status["countedPods"] if uid in uids)
    return world._replace(status=json.dumps(status, sort_keys=True) if status else "{}")


def reachable(start: World, steps: Callable[[World], Iterator[World]]) -> Iterator[World]:
    """Every world one can get to."""
    known, ahead = {start}, [start]
    while ahead:
        world = ahead.pop()
        yield world
        for following in steps(world):
            if following not in known:
                known.add(following)
                ahead.append(following)


def done_of(status: dict[str, Any]) -> set[str]:
    """The names of the members that are done."""
    return {f"{m.role}-{m.index}" for m in completed_of(Status.model_validate(status))}
