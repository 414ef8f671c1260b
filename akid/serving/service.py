"""A request's way: it is let in, read, put into a batch, answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from akid.serving.batching import Batcher
from akid.serving.bodies import body_of
from akid.serving.metrics import Metrics
from akid.serving.model import Model
from akid.serving.options import Batching, Limits
from akid.serving.refusal import RefusedError
from akid.serving.store import Store
from akid.serving.tensors import Asked

#: Bodies up to this many bytes are read at once; others must not hold up the other requests.
_SMALL = 1 << 14
#: Batches at the same time: of different versions, signatures or shapes.
_THREADS = 4


class Service:
    """Answers requests for inference.

    Args:
        store: of the model.
        batching: of concurrent requests.
        limits: what is taken on.
    """

    def __init__(self, store: Store, batching: Batching | None = None, limits: Limits | None = None) -> None:
        self.store, self.limits, self.metrics = store, limits or Limits(), Metrics()
        self.in_flight = 0
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="model")
        self._batcher = Batcher(batching or Batching(), self._executor, self.metrics.rows.observe)

    def close(self) -> None:
        """End the threads; to be called when no request is at work any more."""
        self._executor.shutdown()

    async def answer(
        self, request: Request, protocol: str, read: Callable[[bytes, str, int, Model], Asked]
    ) -> Response:
        """The response to a request whose path has ``name`` and perhaps ``version``.

        Args:
            request: its body is not read yet.
            protocol: for the metrics.
            read: makes of the body, the model's name, version and itself what is asked.
        """
        start, status = time.perf_counter(), 500
        try:
            response = await self._admitted(request, read)
            status = response.status_code
        except RefusedError as error:
            status = error.status
            response = refused(error)
        finally:
            self.metrics.answered(protocol, status, time.perf_counter() - start)
        return response

    async def _admitted(self, request: Request, read: Callable[[bytes, str, int, Model], Asked]) -> Response:
        if self.in_flight >= self.limits.requests:
            raise RefusedError(429, f"{self.limits.requests} requests are at work already. Try again in a moment.")
        self.in_flight += 1
        try:
            name = request.path_params["name"]
            version, model = self.store.model(name, request.path_params.get("version"))
            body = await body_of(request, self.limits.body, self.limits.body_seconds)
            asked = await _beside(len(body), read, body, name, version, model)
            found = await self._batcher(asked.signature, asked.inputs)
            size = sum(array.nbytes for array in found.values())
            reply = await _beside(size, asked.reply, found)
        finally:
            self.in_flight -= 1
        return Response(reply.body, headers=dict(reply.headers))


async def _beside(size: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function; in a thread if there is much to do."""
    if size <= _SMALL:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)


def refused(error: RefusedError) -> Response:
    """A refusal as both protocols have it."""
    headers = {"retry-after": "1"} if error.status == 429 else None
    return JSONResponse({"error": str(error)}, error.status, headers)
