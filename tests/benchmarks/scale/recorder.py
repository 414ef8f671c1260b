"""What happened to the jobs and pods of a namespace, and when: told by watches, on one clock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from replicas import Operator

from tests.benchmarks.scale.client import Client

#: Lines of a watch can be as long as an object.
LINE = 2**22
#: Seconds after which it is looked whether there can still be news.
LOOK_AGAIN = 1.0


@dataclass
class Pod:
    """When a pod was first seen, and seen running, on the steady clock."""

    uid: str
    owner: str
    made: float
    running: float | None = None


@dataclass
class Seen:
    """All that was told.

    Attributes:
        pods: by UID.
        jobs: the latest state of each job.
        running: when each job was first told to be Running.
    """

    pods: dict[str, Pod] = field(default_factory=dict[str, Pod])
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    running: dict[str, float] = field(default_factory=dict[str, float])


class Recorder:
    """Watches a namespace; use as an asynchronous context manager.

    Args:
        client: of the API server.
        namespace: what is watched.
        jobs: the path of the jobs' collection below the API's root, e.g. ``/apis/batch/v1``, and its plural.
        operator: whose end is not waited beyond.
    """

    def __init__(
        self, client: Client, namespace: str, jobs: tuple[str, str], operator: Operator | None = None
    ) -> None:
        self._client = client
        self._operator = operator
        self._paths = {
            "pods": f"/api/v1/namespaces/{namespace}/pods",
            "jobs": f"{jobs[0]}/namespaces/{namespace}/{jobs[1]}",
        }
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.seen = Seen()

    async def __aenter__(self) -> Self:
        for path, note in ((self._paths["pods"], self._pod), (self._paths["jobs"], self._job)):
            version = (await self._client.request("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
            self._tasks.append(asyncio.create_task(self._watch(path, version, note)))
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, reached: Callable[[Seen], bool], what: str, seconds: float) -> None:
        """Wait until what was told is enough."""
        deadline = time.monotonic() + seconds
        while not reached(self.seen):
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._news.wait()
            self._check(what, deadline)

    def _check(self, what: str, deadline: float) -> None:
        """Raise if it will not come any more."""
        if self._operator is not None and self._operator.ended() is not None:
            raise RuntimeError(
                f"{what}: the operator has ended with {self._operator.ended()}:\n{self._operator.log}"
            )
        for task in self._tasks:
            if task.done():
                task.result()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not in time")

    async def _watch(self, path: str, version: str, note: Callable[[float, dict[str, Any]], None]) -> None:
        while True:  # the server ends a watch when it likes
            query = f"{path}?watch=true&resourceVersion={version}&timeoutSeconds=3600"
            async with self._client.stream(query, LINE) as lines:
                async for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"the watch of {path} ended: {event['object'].get('message')}")
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "DELETED":
                        note(time.monotonic(), event["object"])
                        self._news.set()

    def _pod(self, now: float, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        known = self.seen.pods.get(uid)
        if known is None:
            owner = pod["metadata"]["ownerReferences"][0]["name"]
            known = self.seen.pods[uid] = Pod(uid, owner, now)
        if known.running is None and pod["status"].get("phase") == "Running":
            known.running = now

    def _job(self, now: float, job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        self.seen.jobs[name] = job
        conditions = job.get("status", {}).get("conditions", ())
        if any(c["type"] == "Running" and c["status"] == "True" for c in conditions):
            self.seen.running.setdefault(name, now)
