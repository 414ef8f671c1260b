"""The API server as the operator uses it: plain JSON over the official client, patient when it is in trouble."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import aiohttp

from akid_operator.kube.clock import ServerClock
from akid_operator.kube.errors import ApiError, NotLeaderError, UnreachableError

Json = dict[str, Any]
ATTEMPTS = 4
TRANSIENT = frozenset({429, 500, 502, 503, 504})
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
PAGE = 500
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
USER_AGENT = "akid-operator"
# What a broken or silent connection raises; the last one for an answer that was cut off.
BROKEN = (aiohttp.ClientError, TimeoutError, OSError, json.JSONDecodeError)


class Response(Protocol):
    """An answer of the client's transport."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields."""
        ...

    async def read(self) -> bytes:
        """The body."""
        ...


class Client(Protocol):
    """What is used of `kubernetes.aio.client.ApiClient`."""

    configuration: Any

    async def update_params_for_auth(
        self,
        headers: dict[str, str],
        queries: list[tuple[str, str]],
        auth_settings: list[str],
        resource_path: str,
        method: str,
        body: Any,
    ) -> None:
        """Add the credentials to the headers."""
        ...

    async def call_api(
        self, method: str, url: str, *, header_params: dict[str, str], body: Any, _request_timeout: Any
    ) -> Response:
        """Send a request."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Call(NamedTuple):
    """One request.

    Args:
        method: GET, POST, PUT or DELETE.
        path: of the object or collection.
        query: what follows the question mark.
        body: JSON, or None.
        accept: the form of the answer.
        timeout: seconds until it is given up.
    """

    method: str
    path: str
    query: Mapping[str, str] = {}
    body: Json | None = None
    accept: str = "application/json"
    timeout: float = 10.0

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"


class Answer(NamedTuple):
    """What came back: status code, seconds to wait before another try (if told), the JSON."""

    status: int
    retry_after: float | None
    body: Json


class Api:
    """Requests with retries; every write first asks `may_write`, so that a leader of the past writes nothing.

    Every write of the operator may be sent twice: names are deterministic, deletes and status writes have
    preconditions. So a lost answer is simply asked for again.

    Args:
        client: of the official library.
        may_write: whether this process is (still) the leader.
        measure: told of each request: (call, status code or 0, seconds).

    Attributes:
        clock: the server's time, by its answers.
        longest_write: seconds after which a write is given up, whatever the call says.
    """

    def __init__(
        self,
        client: Client,
        may_write: Callable[[], bool] = lambda: True,
        measure: Callable[[Call, int, float], None] = lambda call, code, seconds: None,
    ) -> None:
        self._client = client
        self._may_write = may_write
        self._measure = measure
        self.clock = ServerClock()
        self.longest_write = float("inf")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get(self, path: str) -> Json:
        """Read an object."""
        return await self.request(Call("GET", path))

    async def find(self, path: str) -> Json | None:
        """Read an object that may not exist."""
        try:
            return await self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def pages(
        self, path: str, *, labels: str = "", fields: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Json]:
        """Read a collection, page by page."""
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields}
        query = {name: value for name, value in query.items() if value}
        accept = METADATA_ONLY if metadata_only else "application/json"
        while True:
            page = await self.request(Call("GET", path, query, accept=accept, timeout=60.0))
            yield page | {"items": page.get("items") or []}
            following = page.get("metadata", {}).get("continue")
            if not following:
                return
            query["continue"] = following

    async def create(self, path: str, body: Json) -> Json:
        """Create an object; fields the server does not know are an error."""
        return await self.request(Call("POST", path, {"fieldValidation": "Strict"}, body))

    async def replace(self, path: str, body: Json) -> Json:
        """Replace an object; its resourceVersion is the precondition. Fields the server does not know it drops."""
        return await self.request(Call("PUT", path, {"fieldValidation": "Ignore"}, body))

    async def delete(
        self, path: str, uid: str, *, version: str = "", now: bool = False, policy: str = "Background"
    ) -> Json:
        """Delete an object if it is still the one with this UID (and version); `now`: do not wait for its node."""
        preconditions = {"uid": uid, **({"resourceVersion": version} if version else {})}
        body: Json = {"preconditions": preconditions, "propagationPolicy": policy}
        return await self.request(Call("DELETE", path, body=body | ({"gracePeriodSeconds": 0} if now else {})))

    async def request(self, call: Call, *, attempts: int = ATTEMPTS) -> Json:
        """Send a request, a few times if need be.

        Raises:
            ApiError: if the server refuses it, or is in trouble for too long.
            UnreachableError: if there is no answer.
            NotLeaderError: if it is a write and this process may not write.
        """
        for attempt in range(1, attempts + 1):
            if call.writes and not self._may_write():
                raise NotLeaderError(f"{call.method} {call.path}: not sent, the lease has run out")
            try:
                answer = await self._measured(call)
            except BROKEN as error:
                if attempt == attempts:
                    raise UnreachableError(
                        f"{call.method} {call.path}: {type(error).__name__}: {error}"
                    ) from error
                await asyncio.sleep(pause(attempt))
                continue
            if answer.status < 400:
                return answer.body
            told = answer.retry_after
            if answer.status not in TRANSIENT or attempt == attempts or (told or 0.0) > LONGEST_PAUSE:
                raise ApiError(f"{call.method} {call.path}", answer.status, answer.body, told)
            await asyncio.sleep(pause(attempt) if told is None else told)
        raise AssertionError("at least one attempt")

    async def _measured(self, call: Call) -> Answer:
        begun, status = time.monotonic(), 0
        try:
            answer = await self.exchange(call)
            status = answer.status
            return answer
        finally:
            self._measure(call, status, time.monotonic() - begun)

    def _timeout(self, call: Call) -> aiohttp.ClientTimeout:
        total = min(call.timeout, self.longest_write) if call.writes else call.timeout
        return aiohttp.ClientTimeout(total=total, sock_connect=5)

    async def exchange(self, call: Call) -> Answer:
        """Send a request once. Everything the operator asks the server passes here."""
        sent = self.clock.own()
        headers = {"Accept": call.accept, "Content-Type": "application/json", "User-Agent": USER_AGENT}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], call.path, call.method, None)
        query = f"?{urlencode(call.query)}" if call.query else ""
        response = await self._client.call_api(
            call.method,
            f"{self._client.configuration.host}{call.path}{query}",
            header_params=headers,
            body=call.body,
            _request_timeout=self._timeout(call),
        )
        data = await response.read()
        self.clock.heard(response.headers.get("Date", ""), sent)
        return Answer(
            response.status, _seconds(response.headers.get("Retry-After")), _decoded(data, response.status)
        )


def pause(attempt: int) -> float:
    """Seconds before the next attempt: doubled each time, and never the same for two clients."""
    return min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * random.uniform(0.5, 1.0)


def _decoded(data: bytes, status: int) -> Json:
    """The JSON of an answer; the text of an error that is none (a proxy's) becomes its message."""
    try:
        return json.loads(data) if data else {}
    except ValueError:
        if status < 400:
            raise
        return {"message": data[:1000].decode(errors="replace")}


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None
