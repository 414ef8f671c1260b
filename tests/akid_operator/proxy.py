"""A line to the API server that can be cut, or fall silent without a word."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml


class Line:
    """Forwards connections to a port of this machine, from one of its own; used by other threads."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._pipes: dict[asyncio.Task[None], asyncio.Event] = {}
        self._up = True
        self.port = 0

    def __enter__(self) -> Line:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *error: object) -> None:
        self._server.close()
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def kubeconfig(self, original: Path) -> Path:
        """A kubeconfig that leads over this line."""
        config = yaml.safe_load(original.read_text())
        for cluster in config["clusters"]:
            cluster["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        path = original.with_suffix(f".{self.port}")
        path.write_text(yaml.safe_dump(config))
        return path

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Every connection breaks, and none is made, in the block."""
        self._up = False
        self._do(self._close())
        try:
            yield
        finally:
            self._up = True

    def silence(self) -> None:
        """Nothing comes any more over the connections there are; new ones are good."""
        for quiet in list(self._pipes.values()):
            self._loop.call_soon_threadsafe(quiet.set)

    def _do(self, work: object) -> asyncio.Server:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # pyright: ignore

    async def _close(self) -> None:
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        quiet = self._pipes[task] = asyncio.Event()
        try:
            if self._up:
                to, back = await asyncio.open_connection("127.0.0.1", self._target)
                both = asyncio.gather(_pump(reader, back, asyncio.Event()), _pump(to, writer, quiet))
                with contextlib.suppress(asyncio.CancelledError):
                    await both
                back.close()
        finally:
            del self._pipes[task]
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, quiet: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            if not quiet.is_set():
                writer.write(data)
                await writer.drain()
        writer.close()
