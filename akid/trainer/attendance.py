"""A member at the rendezvous: it joins, leaves, is done, and hears what there is to hear."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from akid.trainer.channel import Meeting, Remote
from akid.trainer.rendezvous import Left, Tidings
from akid.trainer.settings import Settings, next_address

#: Seconds between two attempts to reach the rendezvous, and how often something said once is repeated.
RETRY, TRIES = 0.1, 3
#: Seconds for the others to hear that the job is done.
HEAR = 3.0
#: Seconds for others to hear that the chief leaves, and takes the rendezvous with it.
HEAR_LEAVING = 1.0
#: Seconds for a training process to end by itself, after another member was told to end; after the job is done.
FINISH, LEAVE = 5.0, 3.0
#: The same for a newcomer's sake: nothing is in a hurry then.
REGROUP = 60.0

Generation = dict[str, Any]


def patience(tidings: str) -> float:
    """Seconds until a training process is ended by force."""
    waits = {Tidings.RESTART: 0.0, Tidings.FINISH: FINISH, Tidings.REGROUP: REGROUP, Tidings.OVER: LEAVE}
    return waits[Tidings(tidings)]


class Attendance:
    """One incarnation of a member.

    Args:
        settings: which member.
        place: the rendezvous; None if it trains alone: then every generation is its own.
        told_to_end: asked while it waits; True gives up.
        before: the number of the last generation before this incarnation, should it train alone.
    """

    def __init__(
        self,
        settings: Settings,
        place: Meeting | Remote | None,
        told_to_end: Callable[[], bool],
        before: int = 0,
    ) -> None:
        self.alone, self._before = place is None, before
        self._settings, self._place, self._told_to_end = settings, place, told_to_end
        self._who = {"member": settings.member, "incarnation": uuid.uuid4().hex}
        self._joined = 0
        # The chief's, and when it was heard: should another chief come, it goes on counting from there.
        self._account: tuple[dict[str, float], float] = {}, 0.0

    def meet(self, number: int, highest: int, state: int = 0, source: str = "") -> Generation | None:
        """The next generation; None if the member was told to end, or the job is done.

        Args:
            number: the last generation it was in.
            highest: the highest step it reached.
            state: the step of the newest state it has in memory, 0 for none.
            source: where that can be fetched.
        """
        if self._place is None:
            number = max(number, self._before) + 1
            states = [(self._settings.member, state, source)] if state else []
            alone = {"generation": number, "highest": highest, "blamed": [], "addresses": {}}
            return alone | {"states": states}
        address = next_address(self._settings, self._joined)
        self._joined += 1
        request = {**self._who, "address": address, "generation": number, "highest": highest}
        request |= {"state": state, "source": source}
        while not self._told_to_end():
            answer = self._place.call("join", {**request, "account": self._aged_account()})
            if answer is None:
                time.sleep(RETRY)
            elif answer.get("over"):
                return None
            elif "generation" in answer:
                return answer
        if self._settings.least:
            self._say("leave", number, why=Left.TERMINATED.value)  # so that nobody waits for it
        return None

    def silent(self) -> list[str]:
        """Of a chief: the others that are not heard."""
        return self._place.silent() if isinstance(self._place, Meeting) else []

    def leave(self, number: int, why: Left) -> None:
        """Its training process has ended."""
        self._say("leave", number, why=why.value)
        if isinstance(self._place, Meeting) and why is Left.TERMINATED:
            self._place.wait_until_told(HEAR_LEAVING)

    def done(self, number: int) -> bool:
        """Its training process made every step; waits for the end of the job.

        Returns:
            Whether that is so; otherwise another generation is needed.
        """
        if self._place is None:
            return True
        self._say("done", number)
        while True:
            tidings = (self._say("watch", number) or {}).get("tidings")
            if tidings == Tidings.OVER or self._told_to_end():
                break
            if tidings:
                return False
        if isinstance(self._place, Meeting):
            self._place.wait_until_heard(HEAR)
        return True

    def watch(self, number: int, over: threading.Event, tell: Callable[[str], None]) -> None:
        """Tell what the rendezvous tells a generation, once; until ``over`` is set."""
        while self._place is not None and not over.is_set():
            answer = self._place.call("watch", {**self._who, "generation": number})
            if answer is None:
                over.wait(RETRY)
            elif "tidings" in answer:
                return tell(answer["tidings"])
            elif "account" in answer:
                self._account = answer["account"], time.monotonic()
        return None

    def _aged_account(self) -> dict[str, float]:
        account, heard = self._account
        if account.get("elapsed"):
            return {**account, "elapsed": account["elapsed"] + time.monotonic() - heard}
        return account

    def _say(self, name: str, number: int, **facts: Any) -> dict[str, Any] | None:
        for _ in range(TRIES if self._place is not None else 0):
            assert self._place is not None
            answer = self._place.call(name, {**self._who, "generation": number, **facts})
            if answer is not None:
                return answer
            time.sleep(RETRY)
        return None
