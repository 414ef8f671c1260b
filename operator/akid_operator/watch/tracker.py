"""When the watches stand, and when they had a gap: read off the requests that kopf sends.

A watch tells what happens after the list it began with. What left it in a gap (the server forgot where it was,
kopf lists anew) nobody tells: everything must be read again, once the watch stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import kopf


class WatchTracker:
    """Follows the lists and watches of one session after the other.

    Args:
        plurals: the kinds that are watched.
        expected: how many watches there will be.
    """

    def __init__(self, plurals: frozenset[str], expected: int) -> None:
        self._plurals = plurals
        self._expected = expected
        self._listed: set[str] = set()
        self._watched: set[str] = set()
        self.on_gap: Callable[[], None] = lambda: None
        self.standing = asyncio.Event()

    def session(self, info: kopf.ConnectionInfo) -> kopf.AiohttpSession:
        """A session with these credentials, whose requests are followed."""
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._on_request_end)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
            headers=info.as_http_headers(),
            trace_configs=[trace],
        )
        return kopf.AiohttpSession(server=info.server, aiohttp_session=session)

    async def _on_request_end(self, session: Any, context: Any, end: aiohttp.TraceRequestEndParams) -> None:
        if end.response.status == 200 and end.url.name in self._plurals:
            self.answered(end.url.path, watch="watch" in end.url.query)

    def answered(self, path: str, *, watch: bool) -> None:
        """A list, or the beginning of a watch, was answered."""
        if not watch:
            self._listed.add(path)
            return
        gap = path in self._listed and path in self._watched
        self._listed.discard(path)
        self._watched.add(path)
        if len(self._watched) >= self._expected:
            self.standing.set()
        if gap:
            self.on_gap()
