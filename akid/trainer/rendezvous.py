"""Where the members of a job meet: who is there, which generation runs, why it ended. No I/O, no clock of its own.

Every member joins with an address of its own, a new one each time. Once all are there a *generation* begins: they
start training processes that find each other at these addresses. As soon as one leaves, or comes back as another
process, the generation is broken: the others are told, end theirs, and join again.

Of an elastic job not all need be there: see `Elastic`. Whoever comes while a generation runs is a *newcomer*; for
its sake the others end at the same step, once they have saved what they have, and meet it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum

#: A member that joined is there as long as it asked again within this time, in seconds.
FRESH = 2.5
#: A newcomer waits so long for others like it before a generation is broken for them, in seconds.
SETTLE = 1.0
#: Members of a role are numbered up to here.
MOST = 1000


class Left(StrEnum):
    """Why a member leaves: its training process ended by itself; it was told to end; a peer is lost; or why all
    do: a newcomer joins."""

    DIED = "died"
    TERMINATED = "terminated"
    LOST = "lost"
    JOINED = "joined"


class Tidings(StrEnum):
    """What a member of a generation is told: nothing new; end at once; end by yourself, soon, since a member was
    told to end; let all end at the same step for a newcomer; the job is done."""

    NOTHING = "nothing"
    RESTART = "restart"
    FINISH = "finish"
    REGROUP = "regroup"
    OVER = "over"


@dataclass(frozen=True)
class Join:
    """A member that wants to train.

    Args:
        member: such as ``worker-1``.
        incarnation: which of its supervisors: another one after each start.
        address: where its training process will listen, ``host:port``.
        generation: the last one it was in, 0 for none.
        highest: the highest step it ever reached.
        state: the step of the newest state it has in memory, 0 for none.
        source: where that can be fetched, ``host:port``.
    """

    member: str
    incarnation: str
    address: str
    generation: int = 0
    highest: int = 0
    state: int = 0
    source: str = ""


@dataclass(frozen=True)
class Elastic:
    """Who must be there for a generation of an elastic job.

    Args:
        least: members, the chief among them.
        grace: seconds that so many wait for the others, which are all of the generation before but those that were
            told to end.
    """

    least: int
    grace: float


@dataclass(frozen=True)
class Generation:
    """Members that train together.

    Args:
        number: from 1 on.
        addresses: by member.
        incarnations: by member.
        highest: the highest step any earlier generation reached.
        blamed: members whose own end broke the generation before, or who came or went.
        states: member, step and source of each state in memory: the newest first, of equal ones the chief's.
    """

    number: int
    addresses: Mapping[str, str]
    incarnations: Mapping[str, str] = field(default_factory=dict)
    highest: int = 0
    blamed: tuple[str, ...] = ()
    states: tuple[tuple[str, int, str], ...] = ()


class Rendezvous:
    """The state of the meeting.

    Args:
        members: all that must be there, the chief first.
        spare: those whose leaving breaks nothing, until they come back.
        before: the number of the last generation before this meeting, 0 for none.
        elastic: if not all need be there.

    Attributes:
        generation: the newest.
        broken: why it is broken, if it is.
        over: whether the chief is done, and with it the job.
        heard: members that know it.
        told: members that know that the newest generation is broken, or have left it.
    """

    def __init__(
        self,
        members: Iterable[str],
        spare: Iterable[str] = (),
        before: int = 0,
        elastic: Elastic | None = None,
    ) -> None:
        self.members, self.spare = tuple(members), frozenset(spare)
        self.generation: Generation | None = None
        self.broken: Left | None = None
        self.over = False
        self.heard: set[str] = set()
        self.told: set[str] = set()
        self._waiting: dict[str, tuple[Join, float]] = {}
        self._blamed: list[str] = []
        self._last = before
        self._elastic = elastic
        self._expected = set(self.members)
        self._newcomers: dict[str, float] = {}
        self._enough_since: float | None = None

    @property
    def present(self) -> set[str]:
        """The members of the newest generation, broken or not."""
        return set(self.generation.addresses) if self.generation is not None else set()

    @property
    def waiting(self) -> set[str]:
        """The members that have asked for a generation."""
        return set(self._waiting)

    def join(self, request: Join, now: float) -> Generation | None:
        """The generation the member is in, if one has begun since it asked first.

        Raises:
            ValueError: the job has no such member.
        """
        if not self._may_join(request.member):
            raise ValueError(f"the job has no member {request.member!r}, only {', '.join(self.members)}")
        if not self._is_in(request):
            self._came_back(request, now)
            self._waiting[request.member] = (request, now)
            self._begin(now)
        return self.generation if self._is_in(request) else None

    def leave(self, member: str, incarnation: str, generation: int, why: Left) -> None:
        """A member's training process has ended, and not because it was told here."""
        waited = self._waiting.pop(member, None)
        holds = self._holds(member, incarnation, generation)
        if why is Left.TERMINATED and (holds or (waited and waited[0].incarnation == incarnation)):
            self._expected.discard(member)
        if holds:
            if member not in self.spare:
                self._break(why)
            self.told.add(member)
            if why is not Left.LOST:
                self._blame(member)

    def done(self, member: str, incarnation: str, generation: int) -> None:
        """A member's training process has made every step; the chief's being done is the end of the job."""
        if self._holds(member, incarnation, generation) and member == self.members[0]:
            self.over = True

    def watch(self, member: str, incarnation: str, generation: int) -> Tidings:
        """What there is to tell to a member that trains."""
        if self.over:
            self.heard.add(member)
            return Tidings.OVER
        if not self._holds(member, incarnation, generation):
            return Tidings.RESTART
        if not self.broken:
            return Tidings.NOTHING
        self.told.add(member)
        told = {Left.TERMINATED: Tidings.FINISH, Left.JOINED: Tidings.REGROUP}
        return told.get(self.broken, Tidings.RESTART)

    def _may_join(self, member: str) -> bool:
        """Whether the job has such a member, or an elastic one may have."""
        role, _, index = member.rpartition("-")
        more = self._elastic is not None and role == self.members[0].rpartition("-")[0]
        return member in self.members or (more and index.isdecimal() and int(index) < MOST)

    def _came_back(self, request: Join, now: float) -> None:
        """A member of the generation asks for another one: if it is a new process, nobody else is to blame."""
        current = self.generation
        if self._elastic and current and not self.broken and request.member not in current.incarnations:
            if now - self._newcomers.setdefault(request.member, now) >= SETTLE:
                self._break(Left.JOINED)
            return
        if current is not None and current.incarnations.get(request.member) != request.incarnation:
            self._blame(request.member)
        self._break(Left.LOST)

    def _blame(self, member: str) -> None:
        if member not in self._blamed:
            self._blamed.append(member)

    def _holds(self, member: str, incarnation: str, number: int) -> bool:
        """Whether this is a member of the newest generation, broken or not."""
        current = self.generation
        return current is not None and current.number == number and current.incarnations.get(member) == incarnation

    def _is_in(self, request: Join) -> bool:
        """Whether a generation runs for the one who asks: it did not hear the answer."""
        current = self.generation
        if current is None or self.broken or current.number <= request.generation:
            return False
        return current.incarnations.get(request.member) == request.incarnation

    def _break(self, why: Left) -> None:
        if self.generation is not None and self.broken is None:
            self.broken = why

    def _begin(self, now: float) -> None:
        """Begin the next generation if everybody is there who has to be."""
        there = {name: join for name, (join, seen) in self._waiting.items() if now - seen <= FRESH}
        if not self._complete(there.keys(), now):
            return
        before, names = self.generation, sorted(there, key=self._rank)
        changed = there.keys() ^ before.addresses.keys() if before else set[str]()
        self._last = max([self._last, *(join.generation for join in there.values())]) + 1
        self.generation = Generation(
            number=self._last,
            addresses={name: there[name].address for name in names},
            incarnations={name: there[name].incarnation for name in names},
            highest=max([before.highest if before else 0, *(join.highest for join in there.values())]),
            blamed=(*self._blamed, *sorted(changed.difference(self._blamed))),
            states=_newest_first([there[name] for name in names]),
        )
        self.broken, self._blamed = None, []
        self._expected, self._enough_since = set(names), None
        for mapping in (self._waiting, self._newcomers, self.told):
            mapping.clear()

    def _complete(self, there: Set[str], now: float) -> bool:
        """Whether everybody is there; of an elastic job, enough of them for so long that nobody is waited for."""
        if self._elastic is None:
            return len(there) == len(self.members)
        if self.members[0] not in there or len(there) < self._elastic.least:
            self._enough_since = None
            return False
        self._enough_since = now if self._enough_since is None else self._enough_since
        return self._expected <= there or now - self._enough_since >= self._elastic.grace

    def _rank(self, member: str) -> tuple[int, int]:
        """The place of a member among others: as they are given, then by number."""
        known = self.members.index(member) if member in self.members else len(self.members)
        return known, int(member.rpartition("-")[2])


def _newest_first(joins: Iterable[Join]) -> tuple[tuple[str, int, str], ...]:
    states = [(join.member, join.state, join.source) for join in joins if join.state]
    return tuple(sorted(states, key=lambda state: -state[1]))
