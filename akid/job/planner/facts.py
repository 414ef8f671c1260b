"""A job and what was seen of it, put in order: which members are wanted, there, done, lost, left over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from akid.job.api.job import AkidJob
from akid.job.api.policy import RunPolicy
from akid.job.api.status import Status
from akid.job.members import Create, GangState, Member, MemberState, Phase, members_of
from akid.job.names import OBJECTIVE_ANNOTATION, ObjectRole, object_name, worker_selector
from akid.job.planner.backoff import restart_time
from akid.job.planner.conditions import completed_of
from akid.job.planner.deadlines import PATIENCE, after
from akid.job.planner.failures import Loss, Losses, count, loss_of, losses_of
from akid.job.planner.interface import Delete, Observed
from akid.job.planner.measured import measured
from akid.job.planner.removal import removals


@dataclass(frozen=True)
class View:
    """Facts of one moment, from which the plan follows."""

    job: AkidJob
    observed: Observed
    now: datetime

    @property
    def policy(self) -> RunPolicy:
        """The job's run policy."""
        return self.job.spec.run_policy

    @cached_property
    def attempt(self) -> int:
        """The current attempt. Pods of a later one mean that the status is old (its write will be refused)
        or was lost (it is taken up from the pods)."""
        return max([self.job.status.attempt, *(state.attempt for state in self.observed.members)])

    @cached_property
    def wanted(self) -> list[Member]:
        """Every member the job should have."""
        return members_of(self.job)

    @cached_property
    def current(self) -> list[MemberState]:
        """The members of this attempt that are there."""
        wanted = set(self.wanted)
        return [s for s in self.observed.members if s.attempt == self.attempt and s.member in wanted]

    @cached_property
    def surplus(self) -> list[MemberState]:
        """Members of this attempt that an elastic job does without since it was scaled down."""
        if not self.job.spec.engine.elastic:
            return []
        wanted, chief = set(self.wanted), self.wanted[0]
        mine = [s for s in self.observed.members if s.attempt == self.attempt and s.member]
        return [s for s in mine if s.member and s.member.role is chief.role and s.member not in wanted]

    @cached_property
    def leftover(self) -> list[MemberState]:
        """Members of earlier attempts, and such as nobody wants: while they are there, nothing is made."""
        kept = {state.uid for state in (*self.current, *self.surplus)}
        return [state for state in self.observed.members if state.uid not in kept]

    @cached_property
    def losses(self) -> Losses:
        """Failures of this attempt that have not been judged before."""
        failed = [s for s in self.surplus if loss_of(s, self.policy) in (Loss.PERMANENT, Loss.RETRYABLE)]
        return losses_of([*self.current, *failed], self.job.status, self.policy)

    @cached_property
    def completed(self) -> frozenset[Member]:
        """The members that are done, those remembered and those just seen. They never run again."""
        seen = {s.member for s in self.current if s.phase is Phase.SUCCEEDED and s.member}
        known = completed_of(self.job.status) if self.attempt == self.job.status.attempt else frozenset[Member]()
        return (known | seen) & frozenset(self.wanted)

    @cached_property
    def present(self) -> dict[Member, MemberState]:
        """What is there of each wanted member."""
        return {state.member: state for state in self.current if state.member}

    @cached_property
    def missing(self) -> list[Member]:
        """Wanted members that are not there and not done."""
        return [m for m in self.wanted if m not in self.present and m not in self.completed]

    @cached_property
    def outmoded(self) -> list[MemberState]:
        """Members of this attempt that were made from another template: it changed while nobody looked."""
        return [s for s in self.current if s.template and s.template != self.job.spec.template_hash]

    @cached_property
    def running(self) -> frozenset[Member]:
        """The members that run or are done."""
        there = [s for s in self.current if s.phase is Phase.RUNNING and not s.terminating]
        return self.completed | {s.member for s in there if s.member}

    @property
    def all_running(self) -> bool:
        """Whether every member runs or is done."""
        return self.running.issuperset(self.wanted)

    @property
    def enough_running(self) -> bool:
        """Whether so many run that the job trains: all; of an elastic job the chief and as many as it needs."""
        least = self.job.spec.engine.min_workers
        some = least is not None and len(self.running) >= least and self.wanted[0] in self.running
        return some or self.all_running

    @cached_property
    def opened(self) -> Status:
        """The status with what is fixed by the job itself, and with every new failure counted."""
        status = self.job.status
        update = {
            "observed_generation": self.job.metadata.generation,
            "selector": worker_selector(self.job),
            "attempt": self.attempt,
            "workers": status.workers if status.workers is not None else self.job.spec.engine.workers,
            **self._progress,
        }
        return count(status.model_copy(update=update), self.losses, self.policy, self.now)

    @property
    def _progress(self) -> dict[str, object]:
        status = self.job.status
        progress = self.observed.progress or status.progress
        steps = [status.highest_step, progress.step if progress else None]
        objective = self.job.metadata.annotations.get(OBJECTIVE_ANNOTATION, "")
        return {
            "progress": progress,
            "measured": measured(status, progress, objective),
            "highest_step": max((step for step in steps if step is not None), default=None),
        }

    @cached_property
    def restarts_at(self) -> datetime | None:
        """When counted failures are made up for; None if that is now."""
        return restart_time(self.opened, self.now)

    @property
    def held_back(self) -> bool:
        """Whether nothing is made until then. In place, it is the failed members alone that wait: they stay."""
        return self.restarts_at is not None and self.policy.restart_strategy == "Recreate"

    @cached_property
    def in_the_way(self) -> list[MemberState]:
        """Pods of an earlier job of this name that have the names of members that are missing."""
        if not self.observed.strays:
            return []
        names = {member.name(self.job) for member in self.missing}
        return [state for state in self.observed.strays if state.name in names]

    @property
    def patient_until(self) -> datetime:
        """Until when what an earlier job of this name left may go without a word."""
        return after(self.job.status.start_time or self.job.metadata.creation_timestamp or self.now, PATIENCE)

    def deletes(self, states: list[MemberState]) -> list[Delete]:
        """Deletes of members at this time."""
        return removals(states, self.now)

    def object_deletes(self, *kinds: ObjectRole) -> list[Delete]:
        """Deletes of the job's objects of these kinds that are there."""
        uids = {**self.observed.objects, **self.observed.outdated}
        gang: GangState | None = self.observed.gang
        if gang is not None:
            uids[ObjectRole.GANG] = gang.uid
        return [Delete(kind, object_name(self.job, kind), uids[kind]) for kind in kinds if kind in uids]

    def create(self, kind: ObjectRole, member: Member | None = None) -> Create:
        """A create for this attempt."""
        return Create(kind, self.attempt, member)
