"""Where the members of a job meet: who is there, which generation runs, why it ended. No I/O, no clock of its own.

Every member joins with an address of its own, a new one each time. Once all are there a *generation* begins: they
start training processes that find each other at these addresses. As soon as one leaves, or comes back as another
process, the generation is broken: the others are told, end theirs, and join again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: A member that joined is there as long as it asked again within this time, in seconds.
FRESH = 2.5


class Left(StrEnum):
    """Why a member leaves: its training process ended by itself; it was told to end; a peer is lost."""

    DIED = "died"
    TERMINATED = "terminated"
    LOST = "lost"


class Tidings(StrEnum):
    """What a member of a generation is told: nothing new; end at once; end by yourself, soon; the job is done."""

    NOTHING = "nothing"
    RESTART = "restart"
    FINISH = "finish"
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
class Generation:
    """Members that train together.

    Args:
        number: from 1 on.
        addresses: by member.
        incarnations: by member.
        highest: the highest step any earlier generation reached.
        blamed: members whose own end broke the generation before.
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

    Attributes:
        generation: the newest.
        broken: why it is broken, if it is.
        over: whether the chief is done, and with it the job.
        heard: members that know it.
        told: members that know that the newest generation is broken, or have left it.
    """

    def __init__(self, members: Iterable[str], spare: Iterable[str] = (), before: int = 0) -> None:
        self.members, self.spare = tuple(members), frozenset(spare)
        self.generation: Generation | None = None
        self.broken: Left | None = None
        self.over = False
        self.heard: set[str] = set()
        self.told: set[str] = set()
        self._waiting: dict[str, tuple[Join, float]] = {}
        self._blamed: list[str] = []
        self._last = before

    def join(self, request: Join, now: float) -> Generation | None:
        """The generation the member is in, if one has begun since it asked first.

        Raises:
            ValueError: the job has no such member.
        """
        if request.member not in self.members:
            raise ValueError(f"the job has no member {request.member!r}, only {', '.join(self.members)}")
        if not self._is_in(request):
            self._came_back(request)
            self._waiting[request.member] = (request, now)
            self._begin(now)
        return self.generation if self._is_in(request) else None

    def leave(self, member: str, incarnation: str, generation: int, why: Left) -> None:
        """A member's training process has ended, and not because it was told here."""
        self._waiting.pop(member, None)
        if self._holds(member, incarnation, generation):
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
        return Tidings.FINISH if self.broken is Left.TERMINATED else Tidings.RESTART

    def _came_back(self, request: Join) -> None:
        """A member of the generation asks for another one: if it is a new process, nobody else is to blame."""
        current = self.generation
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
        """Begin the next generation if everybody is there."""
        there = {name: join for name, (join, seen) in self._waiting.items() if now - seen <= FRESH}
        if len(there) < len(self.members):
            return
        before = self.generation
        self._last = max([self._last, *(join.generation for join in there.values())]) + 1
        self.generation = Generation(
            number=self._last,
            addresses={name: there[name].address for name in self.members},
            incarnations={name: there[name].incarnation for name in self.members},
            highest=max([before.highest if before else 0, *(join.highest for join in there.values())]),
            blamed=tuple(self._blamed),
            states=_newest_first([there[name] for name in self.members]),
        )
        self.broken, self._blamed = None, []
        self._waiting.clear()
        self.told.clear()


def _newest_first(joins: Iterable[Join]) -> tuple[tuple[str, int, str], ...]:
    states = [(join.member, join.state, join.source) for join in joins if join.state]
    return tuple(sorted(states, key=lambda state: -state[1]))
