"""An API server that holds one Lease, in memory."""

from __future__ import annotations

import copy
import threading
from typing import Any

from akid_operator.kube.api import Answer, Api, Call
from akid_operator.serve.leader import Leader


class Server:
    """Holds one Lease; every write changes its version, an old version is refused. Knows who asked."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.down = False
        self.threads: set[str] = set()

    def answer(self, call: Call) -> Answer:
        if self.down:
            raise TimeoutError
        if call.method == "GET":
            return Answer(200, None, copy.deepcopy(self.lease)) if self.lease else Answer(404, None, {})
        assert call.body is not None
        known = call.body["metadata"].get("resourceVersion")
        if self.lease is not None and known != str(self.version):
            return Answer(409, None, {"reason": "Conflict"})
        self.version += 1
        metadata = call.body["metadata"] | {"resourceVersion": str(self.version)}
        self.lease = copy.deepcopy(call.body | {"metadata": metadata})
        return Answer(200, None, self.lease)

    @property
    def holder(self) -> str:
        return self.lease["spec"]["holderIdentity"] if self.lease else ""


class Client(Api):
    """An Api whose server is in memory."""

    def __init__(self, server: Server, leader: Leader | None = None) -> None:
        super().__init__(None, leader.valid if leader else lambda: True)  # pyright: ignore
        self._server = server

    async def exchange(self, call: Call) -> Answer:
        self._server.threads.add(threading.current_thread().name)
        return self._server.answer(call)

    async def close(self) -> None:
        """There is no connection."""
