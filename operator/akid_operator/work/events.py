"""Events on a job: what a person sees in `kubectl describe`. They are told in the background, and never twice."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import time
from collections.abc import Callable
from datetime import datetime

from akid.job import Event
from akid.job.names import MANAGER
from akid_operator.kube import paths
from akid_operator.kube.api import Api, Json
from akid_operator.kube.errors import ApiError, OperatorError
from akid_operator.work.items import version_of

logger = logging.getLogger(__name__)

PENDING = 10_000
# While jobs wait for a worker, events wait too, but no longer than this.
LOOKS, LOOK_AGAIN = 50, 0.1


class EventWriter:
    """Writes events one after the other, apart from the work on the jobs, which comes first.

    Args:
        api: the API server.
        crowded: whether there is work that waits.
    """

    def __init__(self, api: Api, crowded: Callable[[], bool] = lambda: False) -> None:
        self._api = api
        self._crowded = crowded
        self._pending: asyncio.Queue[tuple[float, str, Json]] = asyncio.Queue(PENDING)
        self._hurry = False

    def add(self, job: Json, events: tuple[Event, ...]) -> None:
        """Have these events written."""
        for number, event in enumerate(events):
            body = manifest(job, event, number, self._api.clock())
            try:
                self._pending.put_nowait((time.monotonic(), body["metadata"]["namespace"], body))
            except asyncio.QueueFull:
                logger.warning("too many events are pending, dropped: %s", event.message)

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            added, namespace, body = await self._pending.get()
            try:
                await self._wait_for_room(added)
                await self._api.create(paths.collection("v1", "Event", namespace), body)
            except ApiError as error:
                if not error.exists:
                    logger.warning("event not written: %s", error)
            except OperatorError as error:
                logger.warning("event not written: %s", error)
            finally:
                self._pending.task_done()

    async def drain(self) -> None:
        """Write every event now."""
        self._hurry = True
        await self._pending.join()

    async def _wait_for_room(self, added: float) -> None:
        for _ in range(LOOKS):
            if self._hurry or time.monotonic() - added > LOOKS * LOOK_AGAIN or not self._crowded():
                return
            await asyncio.sleep(LOOK_AGAIN)


def manifest(job: Json, event: Event, number: int, now: datetime) -> Json:
    """An Event. Its name follows from the status write it came with, so that it is written only once.

    Names grow with time: `kubectl describe` shows the events of one second in the order of their names.
    """
    metadata = job["metadata"]
    source = f"{metadata['uid']}/{metadata['resourceVersion']}/{number}"
    place = f"{version_of(job):013x}{number:02x}"
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {name: metadata[name] for name in ("namespace", "name", "uid", "resourceVersion")}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{place}{hashlib.sha256(source.encode()).hexdigest()[:8]}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {"apiVersion": job["apiVersion"], "kind": job["kind"], **about},
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "count": 1,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": socket.gethostname()[:128],
    }
