"""The paths of both protocols, as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from akid.serving import inference_protocol, rest
from akid.serving.model import Model
from akid.serving.refusal import RefusedError
from akid.serving.service import Service, refused
from akid.serving.tensors import Asked

logger = logging.getLogger(__name__)


def make_app(service: Service, poll: float = 5.0) -> Starlette:
    """The application of a service whose store has a model already.

    Args:
        service: answers.
        poll: seconds between looks for new versions.
    """
    handlers = Handlers(service)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_follow(service, poll))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        service.close()

    return Starlette(
        routes=handlers.routes(),
        lifespan=lifespan,
        exception_handlers={RefusedError: _refused, HTTPException: _http_error, Exception: _failed},
    )


async def _follow(service: Service, poll: float) -> None:
    """Load new versions as they come."""
    while True:
        await asyncio.sleep(poll)
        before = service.store.versions
        try:
            await asyncio.to_thread(service.store.refresh)
        except Exception:
            logger.exception("new versions cannot be looked for")
        if service.store.versions != before:
            logger.info("versions: %s", service.store.versions)


class Handlers:
    """What is behind the paths.

    Args:
        service: answers.
    """

    def __init__(self, service: Service) -> None:
        self._service, self._store = service, service.store

    def routes(self) -> list[Route]:
        """Paths and methods."""
        found = [
            Route("/v2", self.server),
            Route("/v2/health/live", self.alive),
            Route("/v2/health/ready", self.alive),
            Route("/metrics", self.metrics),
        ]
        for version in ("", "/versions/{version}"):
            v1, v2 = f"/v1/models/{{name}}{version}", f"/v2/models/{{name}}{version}"
            found += [
                Route(f"{v1}:predict", self.predict, methods=["POST"]),
                Route(f"{v1}/metadata", self.metadata_v1),
                Route(v1, self.status),
                Route(f"{v2}/infer", self.infer, methods=["POST"]),
                Route(f"{v2}/ready", self.ready),
                Route(v2, self.metadata_v2),
            ]
        return found

    async def predict(self, request: Request) -> Response:
        """TensorFlow Serving's REST predict."""

        def read(body: bytes, name: str, version: int, model: Model) -> Asked:
            return rest.asked(body, model)

        return await self._service.answer(request, "rest", read)

    async def infer(self, request: Request) -> Response:
        """The Open Inference Protocol's inference."""
        length = request.headers.get(inference_protocol.HEADER_LENGTH)

        def read(body: bytes, name: str, version: int, model: Model) -> Asked:
            return inference_protocol.asked(body, length, model, name, version)

        return await self._service.answer(request, "v2", read)

    def _model(self, request: Request) -> tuple[str, int, Model]:
        name = request.path_params["name"]
        return name, *self._store.model(name, request.path_params.get("version"))

    async def status(self, request: Request) -> Response:
        """The versions that answer."""
        _, version, _ = self._model(request)
        versions = [version] if "version" in request.path_params else self._store.versions
        return JSONResponse(rest.status(versions))

    async def metadata_v1(self, request: Request) -> Response:
        """Signatures."""
        return JSONResponse(rest.metadata(*self._model(request)))

    async def metadata_v2(self, request: Request) -> Response:
        """Inputs and outputs."""
        name, version, model = self._model(request)
        versions = [version] if "version" in request.path_params else self._store.versions
        return JSONResponse(inference_protocol.metadata(name, versions, model))

    async def ready(self, request: Request) -> Response:
        """Whether a model answers."""
        self._model(request)
        return JSONResponse({})

    async def alive(self, request: Request) -> Response:
        """The server serves only once it has a model, so that it is ready when it is alive."""
        return JSONResponse({})

    async def server(self, request: Request) -> Response:
        """Which server this is."""
        return JSONResponse(inference_protocol.SERVER)

    async def metrics(self, request: Request) -> Response:
        """Prometheus' metrics."""
        text = self._service.metrics.text(self._service.in_flight, self._store.versions, self._store.loads)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _refused(_: Request, error: Exception) -> Response:
    return refused(error) if isinstance(error, RefusedError) else await _failed(_, error)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    problem = {404: "There is no such path", 405: "This path has another method"}.get(status, "Error")
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse({"error": f"{problem}: {request.method} {request.url.path}"}, status, headers)


async def _failed(_: Request, error: Exception) -> Response:
    """What went wrong is in the log; a client learns no more than its kind."""
    return JSONResponse({"error": f"The server failed: {type(error).__name__}."}, 500)
