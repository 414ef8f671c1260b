"""What ``akid serve`` does."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from akid.errors import AkidError, StorageError
from akid.output import say
from akid.serving.options import Serving
from akid.serving.sources import name_of
from akid.serving.store import Store

#: Seconds that requests at work have once the server is told to end.
GRACE = 30


def serve(serving: Serving) -> int:
    """Serve until SIGTERM or Ctrl-C; requests at work are answered before it ends.

    Returns:
        The exit code: 0.

    Raises:
        AkidError: starlette or uvicorn is not installed, or the port is taken.
        DataError: there is no model.
    """
    uvicorn = _uvicorn()
    from akid.serving.app import make_app
    from akid.serving.service import Service

    store = Store(serving.directory, serving.name or name_of(serving.directory), serving.keep)
    with _listening(serving.host, serving.port) as listener, _imports_kept():
        store.refresh()
        app = make_app(Service(store, serving.batching, serving.limits), serving.poll)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE, server_header=False)
        host, port = listener.getsockname()[:2]
        versions = ", ".join(map(str, store.versions))
        say(f"serving {store.name} (version {versions}) at http://{f'[{host}]' if ':' in host else host}:{port}")
        with _sigterm_is_no_failure():
            uvicorn.Server(config).run(sockets=[listener])
    return 0


def _uvicorn() -> Any:
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise AkidError(
            f"`akid serve` needs starlette and uvicorn, which are not installed: pip install 'akid[serve]'."
            f" Received: {error}"
        ) from error
    return uvicorn


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise StorageError(f"akid cannot listen at {host}, port {port}: {error}. Give another --port.") from error
    with listener:
        yield listener


@contextmanager
def _imports_kept() -> Iterator[None]:
    """What imports made stays: looking through it for garbage would hold up requests for half a second."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _sigterm_is_no_failure() -> Iterator[None]:
    """uvicorn raises the signal that ended it again when it is done; by default that would be the exit status."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
