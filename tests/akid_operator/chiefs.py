"""Chiefs of the tests: their pods, and servers of `/status` on loopback, honest ones and every kind of liar."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from akid_operator.progress.fetch import Target

from akid.job.objects.reported import Endpoint

HANGS, DRIPS, FLOODS = b"hangs", b"drips", b"floods"
FLOOD = 100_000_000


def answer(body: bytes | str | dict[str, Any], status: str = "200 OK", *head: str) -> bytes:
    """An answer of HTTP."""
    if isinstance(body, dict):
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *head]
    return "\r\n".join([*lines, "", ""]).encode() + data


LIES = {
    "no JSON": (answer("<html>"), "invalid"),
    "no step": (answer({"loss": 1.0}), "invalid"),
    "a wrong type": (answer({"step": "7"}), "invalid"),
    "NaN": (answer('{"step": NaN}'), "invalid"),
    "10 MB": (answer(b'{"step": 1, "x": "' + b"x" * 10_000_000 + b'"}'), "too_large"),
    "10 MB without a length": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000, "too_large"),
    "100 MB": (FLOODS, "too_large"),
    "a bomb": (answer(gzip.compress(b" " * 10_000_000), "200 OK", "Content-Encoding: gzip"), "invalid"),
    "a redirect": (answer("", "302 Found", "Location: http://127.0.0.1:1/status"), "redirect"),
    "a refusal": (answer("not found", "404 Not Found"), "refused"),
    "an error": (answer("", "500 Internal Server Error"), "refused"),
    "no rights": (answer("", "403 Forbidden"), "forbidden"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n", "unreachable"),
    "half an answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "unreachable"),
    "an endless head": (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 1_000_000, "unreachable"),
    "nothing": (b"", "unreachable"),
    "silence": (HANGS, "timeout"),
    "a byte now and then": (DRIPS, "timeout"),
}


class Chief:
    """A server that gives one answer, and remembers what it was asked."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.asked: list[bytes] = []
        self.sent = 0
        self.endpoint = Endpoint("127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n{" if self.said in (DRIPS, FLOODS) else b"")
            while self.said == FLOODS and self.sent < FLOOD:
                writer.write(b" " * 65_536)
                self.sent += 65_536
                await writer.drain()
            while self.said == DRIPS:
                writer.write(b" ")
                await asyncio.sleep(0.02)
            if self.said == HANGS:
                await reader.read()
            elif self.said not in (DRIPS, FLOODS):
                writer.write(self.said)
                await writer.drain()
        except OSError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(said: bytes) -> AsyncIterator[Chief]:
    """A chief on a port of its own."""
    chief = Chief(said)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(chief._serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    chief.endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield chief
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Reader:
    """One whose chiefs say what the test has them say."""

    def __init__(self) -> None:
        self.says: dict[str, dict[str, Any] | Exception] = {}
        self.asked: list[str] = []

    async def read(self, target: Target, endpoint: Endpoint) -> bytes:
        self.asked.append(target.key.name)
        said = self.says.get(target.key.name, {"step": len(self.asked)})
        if isinstance(said, Exception):
            raise said
        return json.dumps(said).encode()


def chief_pod(name: str, ip: str = "10.0.0.7", phase: str = "Running", version: int = 2) -> dict[str, Any]:
    """A chief's pod as the server shows it."""
    owner = {"kind": "AkidJob", "name": name, "uid": f"uid-{name}", "controller": True}
    trainer = {
        "name": "trainer", "command": ["akid", "train"], "ports": [{"name": "metrics", "containerPort": 9464}],
    }  # fmt: skip
    labels = {"akid.dev/job": name, "akid.dev/chief": name, "akid.dev/role": "worker", "akid.dev/index": "0"}
    return {
        "metadata": {
            "namespace": "lab", "name": f"{name}-worker-0", "uid": f"pod-{name}", "resourceVersion": str(version),
            "labels": labels, "ownerReferences": [owner],
        },
        "spec": {"containers": [trainer]},
        "status": {"phase": phase, "podIP": ip},
    }  # fmt: skip
