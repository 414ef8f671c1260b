"""Requests of the load and of the watches, over connections that are kept."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from cluster.control import Cluster

#: Requests of the load at a time.
AT_ONCE = 16
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Client:
    """The API server as the administrator sees it; use as an asynchronous context manager."""

    def __init__(self, cluster: Cluster) -> None:
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        tls = ssl.create_default_context(cafile=str(cluster.layout.authority))
        self._session = aiohttp.ClientSession(
            cluster.url,
            connector=aiohttp.TCPConnector(limit=0, ssl=tls),
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        """One request."""
        return await self._send(method, path, json=body)

    async def merge(self, path: str, body: Any) -> Any:
        """Merge `body` into an object."""
        headers = {"Content-Type": "application/merge-patch+json"}
        return await self._send("PATCH", path, data=json.dumps(body), headers=headers)

    async def metadata(self, path: str) -> list[dict[str, Any]]:
        """The metadata of all objects of a collection."""
        answer = await self._send("GET", path, headers={"Accept": METADATA_ONLY})
        return [item["metadata"] for item in answer["items"] or ()]

    async def _send(self, method: str, path: str, **content: Any) -> Any:
        async with self._session.request(method, path, **content) as answer:
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    @asynccontextmanager
    async def stream(self, path: str, longest: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of an answer that does not end."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(path, timeout=timeout, read_bufsize=longest) as answer:
            answer.raise_for_status()
            yield answer.content.__aiter__()


async def all_of(work: Iterable[Callable[[], Awaitable[Any]]], at_once: int = AT_ONCE) -> None:
    """Do all of it, so many at a time; the first error ends it."""
    rest = iter(work)

    async def worker() -> None:
        for one in rest:
            await one()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
