"""Events on a job: what a person sees in `kubectl describe`. They are told in the background, and never twice."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from datetime import datetime

from akid.job import Event
from akid.job.names import MANAGER
from akid_operator import paths
from akid_operator.api import Api, Json
from akid_operator.errors import ApiError, OperatorError
from akid_operator.store import version_of

logger = logging.getLogger(__name__)

PENDING = 10_000


class EventWriter:
    """Writes events one after the other, apart from the work on the jobs."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._pending: asyncio.Queue[tuple[str, Json]] = asyncio.Queue(PENDING)

    def add(self, job: Json, events: tuple[Event, ...]) -> None:
        """Have these events written."""
        for number, event in enumerate(events):
            body = manifest(job, event, number, self._api.clock())
            try:
                self._pending.put_nowait((body["metadata"]["namespace"], body))
            except asyncio.QueueFull:
                logger.warning("too many events are pending, dropped: %s", event.message)

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            namespace, body = await self._pending.get()
            try:
                await self._api.create(paths.collection("v1", "Event", namespace), body)
            except ApiError as error:
                if not error.exists:
                    logger.warning("event not written: %s", error)
            except OperatorError as error:
                logger.warning("event not written: %s", error)
            finally:
                self._pending.task_done()

    async def drain(self) -> None:
        """Wait until every event was written."""
        await self._pending.join()


def manifest(job: Json, event: Event, number: int, now: datetime) -> Json:
    """An Event. Its name follows from the status write it came with, so that it is written only once.

    Names grow with time: `kubectl describe` shows the events of one second in the order of their names.
    """
    metadata = job["metadata"]
    source = f"{metadata['uid']}/{metadata['resourceVersion']}/{number}"
    place = f"{version_of(job):013x}{number:02x}"
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
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
        "firstTimestamp": time,
        "lastTimestamp": time,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": socket.gethostname()[:128],
    }
