"""Which ends of training processes are free, and when there were too many."""

from __future__ import annotations

from dataclasses import dataclass

#: Ends in a row without a new step, after which the member ends.
LIMIT = 3
#: Exit code of a member whose training process lost its peers again and again: "please restart me".
RESTART_ME = 42
#: Exit code of a training process that saved and ended because a member, perhaps another one, got SIGTERM.
TERMINATED = 143


@dataclass(frozen=True)
class Ended:
    """How a training process ended.

    Args:
        code: its exit code, negative for a signal.
        told: its supervisor ended it, because the generation was broken.
        excused: it said that another member is gone, or that a file system was away.
        highest: the highest step it reached, 0 for none.
        regroups: its supervisor asked it to save and end, for a newcomer's sake.
    """

    code: int
    told: bool = False
    excused: bool = False
    highest: int = 0
    regroups: bool = False

    @property
    def in_place(self) -> bool:
        """Whether it may be started again in place: it has no exit code of the program's own."""
        return self.code < 0 or not self.own

    @property
    def exit_code(self) -> int:
        """The member's exit code, should it end because of this."""
        if self.excused or self.told:
            return RESTART_ME
        return 128 - self.code if self.code < 0 else self.code

    @property
    def own(self) -> bool:
        """Whether it ended by itself, and nothing outside of it had anything to do with it."""
        return not (self.told or self.excused or self.code == TERMINATED)


@dataclass(frozen=True)
class Record:
    """Ends in a row without a step beyond the highest that any earlier generation had reached."""

    fruitless: int = 0

    def after(self, ended: Ended, before: int, blamed: bool) -> Record:
        """The record after one more end.

        Args:
            ended: how.
            before: the highest step any generation had reached when this one began.
            blamed: whether the end of another member explains it: then it is not held against this one.
        """
        if ended.highest > before:
            return Record(0)
        return Record(self.fruitless + (0 if blamed and not ended.own else 1))

    @property
    def exhausted(self) -> bool:
        """Whether the member should end, so that whoever counts restarts hears of it."""
        return self.fruitless >= LIMIT
