"""The other objects of one job: Services, claims, the kid. No watch shows them: they are read now and then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from akid.job import ObjectRole
from akid.job.names import BOARD_SUFFIX
from akid.job.objects.services_and_config import CHANGING
from akid_operator.work.items import content_of, uid_of

NEVER_LOOKED = float("-inf")
# The UID of what has not been read yet.
PRESUMED = "presumed"
# A Service that was made while a list was read is not in it.
SETTLED = 60.0
SERVICES = (ObjectRole.SERVICE, ObjectRole.RENDEZVOUS, ObjectRole.BOARD_SERVICE)
OTHERS = (ObjectRole.CONFIG, ObjectRole.DATA_CLAIM, ObjectRole.LOG_CLAIM)


class Objects:
    """What is known of them.

    Attributes:
        uids: their UIDs by kind.
        contents: hashes of what those that may have to change were made from.
        looked_at: when all were last looked at or made, on the steady clock.
    """

    def __init__(self) -> None:
        self.uids: dict[ObjectRole, str] = {}
        self.contents: dict[ObjectRole, str] = {}
        self.looked_at = NEVER_LOOKED

    def seen(self, kind: ObjectRole, item: Mapping[str, Any]) -> None:
        """One, as it is."""
        self.uids[kind] = uid_of(item)
        if kind in CHANGING:
            self.contents[kind] = content_of(item)

    def read(self, found: Mapping[ObjectRole, Mapping[str, Any]], now: float) -> None:
        """All there are have been read."""
        self.uids.clear()
        for kind, item in found.items():
            self.seen(kind, item)
        self.looked_at = now

    def made(self, now: float) -> None:
        """All that were missing were made."""
        self.looked_at = now

    def deleted(self, kind: ObjectRole, uid: str) -> None:
        """One is gone, if it is still the one that was deleted."""
        if self.uids.get(kind) == uid:
            del self.uids[kind]

    def lost(self, kind: ObjectRole) -> None:
        """One is not there, though nobody told that it went."""
        self.uids.pop(kind, None)

    def presume(self, name: str, services: Mapping[str, str]) -> None:
        """Take all as there, if nothing is known of them, until one of them counts.

        Args:
            name: the job's.
            services: the UIDs of its Services by name.
        """
        if self.uids:
            return
        self.uids = dict.fromkeys(OTHERS, PRESUMED)
        kinds = {name: ObjectRole.SERVICE, f"{name}{BOARD_SUFFIX}": ObjectRole.BOARD_SERVICE}
        for service, uid in services.items():
            self.uids[kinds.get(service, ObjectRole.RENDEZVOUS)] = uid
        if ObjectRole.BOARD_SERVICE in self.uids:
            self.uids[ObjectRole.BOARD] = PRESUMED

    def services_listed(self, uids: set[str], now: float) -> bool:
        """There are these Services; whether one that was known is not among them: then none is known any more."""
        known = {self.uids[kind] for kind in SERVICES if kind in self.uids}
        if known <= uids or now - self.looked_at <= SETTLED:
            return False
        self.uids.clear()
        return True
