"""One question to a chief. Whoever answers is not trusted: not with our time, our memory or our credentials."""

from __future__ import annotations

from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
from yarl import URL

from akid.job.objects.reported import Endpoint
from akid_operator.kube import paths
from akid_operator.kube.errors import OperatorError
from akid_operator.work.items import Key

# Seconds for all of a question; bytes of an answer.
TIMEOUT, MAX_BODY = 1.0, 65_536


class Target(NamedTuple):
    """A chief's pod: its job, its name, its UID."""

    key: Key
    name: str
    uid: str


class PollError(OperatorError):
    """A chief did not answer as it should.

    Args:
        result: why, in one word, for the figures.
    """

    def __init__(self, result: str) -> None:
        self.result = result
        super().__init__(result)


class StatusReader:
    """Reads `/status` of pods.

    Args:
        client: of the official library, to ask through the API server (it takes the right to get `pods/proxy`);
            None to ask the pods themselves, which only works in their network.
        timeout: seconds for all of a question.
    """

    def __init__(self, client: Any = None, timeout: float = TIMEOUT) -> None:
        self._client = client
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            # A supervisor answers one question a connection.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            # 64 KiB that unpack to gigabytes are refused as what they are: no JSON.
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        """Close it."""
        assert self._session is not None
        await self._session.close()

    async def read(self, target: Target, endpoint: Endpoint) -> bytes:
        """The body of an answer.

        Raises:
            PollError: there is none that is worth reading.
        """
        assert self._session is not None
        try:
            url, options = await self._request(target, endpoint)
            async with self._session.get(url, allow_redirects=False, **options) as response:
                if response.status != 200:
                    raise PollError(_refusal(response.status))
                return await _bounded(response)
        except TimeoutError:
            raise PollError("timeout") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise PollError("unreachable") from None

    async def _request(self, target: Target, endpoint: Endpoint) -> tuple[URL, dict[str, Any]]:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self._client is None:
            url = URL.build(scheme="http", host=endpoint.host, port=endpoint.port, path="/status")
            return url, {"headers": headers}
        config = self._client.configuration
        path = f"{paths.pod(target.key.namespace, target.name)}:{endpoint.port}/proxy/status"
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        tls = {"ssl": self._client.rest_client.ssl_context, "server_hostname": config.tls_server_name or None}
        return URL(f"{config.host}{path}"), {"headers": headers, "proxy": config.proxy, **tls}


def _refusal(status: int) -> str:
    """A status code other than 200 in a word."""
    if 300 <= status < 400:
        return "redirect"
    return "forbidden" if status in (401, 403) else "refused"


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, if it ends in time."""
    body = bytearray()
    while piece := await response.content.read(MAX_BODY):
        body += piece
        if len(body) > MAX_BODY:
            response.close()
            raise PollError("too_large")
    return bytes(body)
