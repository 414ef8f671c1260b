"""One small web server: /metrics, /healthz (restart me?), /readyz (started?)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from akid_operator.serve.metrics import Metrics


class HealthServer:
    """Answers as long as the event loop turns.

    Args:
        metrics: what /metrics shows.
        healthy: whether the process does its work; a replica that waits to be leader does.
        ready: whether it has started.
    """

    def __init__(self, metrics: Metrics, healthy: Callable[[], bool], ready: Callable[[], bool]) -> None:
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/metrics", self._figures)
        app.router.add_get("/healthz", self._answer(healthy))
        app.router.add_get("/readyz", self._answer(ready))
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _figures(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @staticmethod
    def _answer(good: Callable[[], bool]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            return web.Response(text="ok") if good() else web.Response(text="not ok", status=503)

        return answer
