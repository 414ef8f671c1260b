"""Which of two replicas works: the holder of a Lease, and nobody after it has run out by its own clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from akid_operator.kube import paths
from akid_operator.kube.api import Api, Call, Json
from akid_operator.kube.errors import ApiError, OperatorError

logger = logging.getLogger(__name__)

LEASES = "coordination.k8s.io/v1"
# Seconds to let the lease go.
RELEASE = 0.7
# Of `retry`, after which another's lease is looked at again, and the shortest pause in seconds.
LOOK, SHORTEST = 1 / 3, 0.02


def steady() -> float:
    """Seconds that also pass while the machine sleeps: a leader that was asleep must know it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Timing:
    """Seconds of the election.

    Args:
        lease: how long others leave a silent leader alone.
        deadline: how long a leader goes on without having renewed; less than `lease`, since clocks differ.
        retry: between two attempts to renew or acquire.
    """

    lease: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    @property
    def margin(self) -> float:
        """How long a write may be on its way: one sent at the last moment has ended before another leader acts."""
        return self.lease - self.deadline


class Leader:
    """One candidate for one Lease. Its requests are never held back by `valid`, which they bring about.

    Args:
        api: an Api without a `may_write` of its own.
        namespace: of the Lease.
        name: of the Lease.
        identity: of this candidate.
        timing: of the election.
        clock: a steady clock.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        timing: Timing | None = None,
        clock: Callable[[], float] = steady,
    ) -> None:
        self._api = api
        self._path = paths.item(LEASES, "Lease", namespace, name)
        self._collection = paths.collection(LEASES, "Lease", namespace)
        self._names = {"name": name, "namespace": namespace}
        self._identity = identity
        self.timing = timing or Timing()
        self._clock = clock
        self._until = float("-inf")
        self._seen: tuple[str, float] = ("", 0.0)
        self._runs_out = float("inf")
        self._lease: Json | None = None
        self._let_go = False

    def valid(self) -> bool:
        """Whether this process may write."""
        return self._clock() < self._until

    async def acquire(self) -> None:
        """Wait until this process is the leader.

        Another's lease is looked at often, for its age is what was seen of it, and in the moment it runs out.
        """
        while True:
            pause = self.timing.retry * LOOK
            try:
                if await self.attempt():
                    logger.info("leader: %s", self._identity)
                    return
                pause = max(SHORTEST, min(pause, self._runs_out - self._clock()))
            except OperatorError as error:
                logger.info("the lease was not acquired: %s", error)
            await asyncio.sleep(pause)

    async def hold(self, works: Callable[[], bool] = lambda: True) -> None:
        """Renew until that fails for too long, somebody else holds the lease, or the work hangs; then return.

        Args:
            works: whether what is done by this process, as the leader, goes on.
        """
        while True:
            await asyncio.sleep(self.timing.retry)
            if not works():
                logger.error("the work hangs: the lease is left to another replica")
                self._until = float("-inf")
                return
            try:
                if not await self.attempt():
                    logger.error("another replica holds the lease")
                    self._until = float("-inf")
                    return
            except Exception as error:  # also of a plugin for credentials: the lease runs out all the same
                logger.warning("the lease was not renewed: %s", error)
            if not self.valid():
                logger.error("the lease has run out")
                return

    async def release(self) -> None:
        """Let another replica take over at once. Nothing is written after this.

        A renewal (or the very first one) that was cut off may still arrive in between: so the server is asked
        who holds it, again if need be. One that does not answer is not waited for: the lease runs out by itself.
        """
        if self._let_go:
            return
        self._let_go, self._until = True, float("-inf")
        try:
            async with asyncio.timeout(RELEASE):
                while not await self._released():
                    pass
        except (OperatorError, TimeoutError) as error:
            logger.warning("the lease was not released: %s", error or "no answer")

    async def _released(self) -> bool:
        """Whether the lease is not ours any more; False if it has changed meanwhile."""
        lease = await self._request("GET", self._path)
        if lease["spec"].get("holderIdentity") != self._identity:
            return True
        lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._request("PUT", self._path, lease)
        except ApiError as error:
            if error.stale:
                return False
            raise
        return True

    async def attempt(self) -> bool:
        """Acquire or renew once; whether this process is the leader."""
        asked = self._clock()
        if self._lease is not None and self.valid():
            try:
                return await self._write("PUT", self._path, self._renewed(self._lease, new=False), asked)
            except ApiError as error:
                if not error.stale:
                    raise
        try:
            lease = await self._request("GET", self._path)
        except ApiError as error:
            if error.status != 404:
                raise
            made = {"apiVersion": LEASES, "kind": "Lease", "metadata": self._names}
            return await self._write("POST", self._collection, made | {"spec": self._spec(0, True)}, asked)
        spec: Json = lease.get("spec") or {}
        mine = spec.get("holderIdentity") == self._identity
        if not mine and not self._run_out(lease):
            return False
        return await self._write("PUT", self._path, self._renewed(lease, new=not mine), asked)

    def _renewed(self, lease: Json, *, new: bool) -> Json:
        spec: Json = lease.get("spec") or {}
        return lease | {"spec": spec | self._spec(int(spec.get("leaseTransitions") or 0) + new, new)}

    async def _write(self, method: str, path: str, lease: Json, asked: float) -> bool:
        """Write the lease; a conflict is an error like others: the next attempt shows who holds it."""
        self._lease = None
        self._lease = await self._request(method, path, lease)
        self._until = asked + self.timing.deadline
        return True

    def _run_out(self, lease: Json) -> bool:
        """Whether a lease has not been renewed for its duration, seen by our own clock."""
        spec: Json = lease.get("spec") or {}
        version = str(lease["metadata"]["resourceVersion"])
        if version != self._seen[0]:
            self._seen = (version, self._clock())
        if not spec.get("holderIdentity"):
            return True
        self._runs_out = self._seen[1] + float(spec.get("leaseDurationSeconds") or self.timing.lease)
        return self._clock() >= self._runs_out

    def _spec(self, changes: int, new: bool) -> Json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: Json = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self.timing.lease)),
            "leaseTransitions": changes,
            "renewTime": now,
        }
        return spec | ({"acquireTime": now} if new else {})

    async def _request(self, method: str, path: str, body: Json | None = None) -> Json:
        """One attempt. A leader takes half of the time it has left: a server or a machine that is slow is no
        reason to give up, and a request that hangs leaves time for another."""
        patience = max(self.timing.retry, min(self._until - self._clock(), self.timing.deadline) / 2)
        return await self._api.request(Call(method, path, body=body, timeout=patience), attempts=1)
