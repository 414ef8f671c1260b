"""One question to a chief: whatever answers, it costs no more than a second and 64 KiB."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from akid_operator.progress.fetch import PollError, StatusReader, Target
from akid_operator.work.items import Key
from chiefs import FLOOD, FLOODS, LIES, Chief, answer, serving

from akid.job.objects.reported import Endpoint, progress_of

TARGET = Target(Key("lab", "digits"), "digits-worker-0", "uid")
SHORT = 0.2


async def ask(chief: Chief, client: Any = None) -> bytes | str:
    """The body, or why there is none."""
    async with StatusReader(client, timeout=SHORT) as reader:
        try:
            return await reader.read(TARGET, chief.endpoint)
        except PollError as error:
            return error.result


def test_an_honest_answer_is_read() -> None:
    async def story() -> None:
        async with serving(answer({"step": 7})) as chief:
            assert await ask(chief) == b'{"step": 7}'
            assert chief.asked[0].startswith(b"GET /status HTTP/1.1\r\n")

    asyncio.run(story())


@pytest.mark.parametrize("lie", LIES)
def test_a_liar_is_found_out(lie: str) -> None:
    said, result = LIES[lie]

    async def story() -> None:
        async with serving(said) as chief:
            body = await ask(chief)
            found = body if isinstance(body, str) else "invalid" if progress_of(body) is None else "good"
            assert found == result
            assert len(chief.asked) <= 2  # aiohttp asks again where a connection was closed without a word

    asyncio.run(story())


def test_what_is_too_much_is_not_even_fetched() -> None:
    async def story() -> int:
        async with serving(FLOODS) as chief:
            assert await ask(chief) == "too_large"
            return chief.sent

    assert asyncio.run(story()) < FLOOD / 4  # what the kernel's buffers hold


def test_where_nobody_listens_is_told_at_once() -> None:
    chief = Chief(b"")
    chief.endpoint = Endpoint("127.0.0.1", 1)
    assert asyncio.run(ask(chief)) == "unreachable"


class Client:
    """What is used of the official client."""

    def __init__(self, port: int) -> None:
        self.configuration = self
        self.host, self.proxy, self.tls_server_name = f"http://127.0.0.1:{port}", None, None
        self.rest_client = self
        self.ssl_context = ssl.create_default_context()

    async def update_params_for_auth(self, headers: dict[str, str], *rest: Any) -> None:
        headers["Authorization"] = "Bearer secret"


def test_out_of_the_cluster_the_api_server_is_asked() -> None:
    async def story() -> None:
        async with serving(answer({"step": 7})) as server:
            client = Client(server.endpoint.port)
            server.endpoint = Endpoint("10.0.0.7", 9464)
            assert await ask(server, client) == b'{"step": 7}'
            path = b"/api/v1/namespaces/lab/pods/digits-worker-0:9464/proxy/status"
            assert server.asked[0].startswith(b"GET " + path + b" HTTP/1.1\r\n")
            assert b"Authorization: Bearer secret\r\n" in server.asked[0]

    asyncio.run(story())


def test_credentials_go_to_nobody_else() -> None:
    async def story() -> None:
        async with serving(answer({"step": 7})) as thief:
            away = f"Location: http://127.0.0.1:{thief.endpoint.port}/status"
            async with serving(answer("", "307 Temporary Redirect", away)) as server:
                assert await ask(server, Client(server.endpoint.port)) == "redirect"
            assert thief.asked == []
        async with serving(answer({"step": 7})) as chief:
            await ask(chief)
            assert b"authorization" not in chief.asked[0].lower()

    asyncio.run(story())
