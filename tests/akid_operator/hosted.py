"""The operator in a thread of the test: starts in a moment, and shows or spoils every request it sends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from akid_operator.kube import connect
from akid_operator.kube.api import Answer, Api, Call
from akid_operator.serve.metrics import kind_of
from akid_operator.serve.process import Replica
from akid_operator.serve.settings import Options
from akid_operator.work.controller import Controller
from cluster.waiting import wait_for

# Connections under TLS are closed a moment after their sessions.
CLOSING = 0.1
# The official client keeps the certificates of a kubeconfig in files, which it makes for all threads of a process,
# but not safely for several at once: they are there before a replica asks for them.
_LOADING = threading.Lock()


class Watched(Api):
    """Remembers every request: when it is sent, and with its answer.

    What a request does is seen on the server before its answer is here: writes are counted as they are sent.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent: list[Call] = []
        self.calls: list[tuple[Call, Answer]] = []

    async def exchange(self, call: Call) -> Answer:
        self.sent.append(call)
        answer = await super().exchange(call)
        self.calls.append((call, answer))
        return answer

    def writes(self) -> list[str]:
        """The writes sent so far: method and what they are about."""
        return [f"{call.method} {kind_of(call.path)}" for call in self.sent if call.writes]

    def reads(self) -> list[str]:
        """The reads answered so far."""
        return [f"{call.method} {kind_of(call.path)}" for call, _ in self.calls if not call.writes]

    def refused(self) -> list[str]:
        """What was asked for without the right to it (and not against a quota)."""
        return [
            f"{call.method} {call.path}: {answer.body.get('message')}"
            for call, answer in self.calls
            if answer.status == 403 and "cannot" in answer.body.get("message", "")
        ]


class Hosted:
    """One replica in a thread, without an election; ends with the block."""

    def __init__(
        self, kubeconfig: Path, *namespaces: str, api: Callable[..., Watched] = Watched, **options: Any
    ) -> None:
        self._options = Options(
            kubeconfig=str(kubeconfig),
            namespaces=frozenset(namespaces),
            host="127.0.0.1",
            port=0,
            **{"elect": False, **options},
        )
        self._make = api
        self._thread = threading.Thread(target=self._main, name="operator", daemon=True)
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.replica: Replica | None = None
        self._api: Watched | None = None
        self.exit_code: int | None = None

    def start(self) -> None:
        """Begin, and do not wait."""
        self._thread.start()

    def __enter__(self) -> Hosted:
        self.start()
        return self.started()

    def started(self) -> Hosted:
        """Wait until it has learnt what there is."""
        try:
            wait_for(self._started, "the operator has started", 30)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self, timeout: float = 15) -> None:
        """Ask it to end, and wait."""
        if self._loop is not None and self._thread.is_alive():
            assert self.replica is not None
            self._loop.call_soon_threadsafe(self.replica.stop.set)
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"the operator still runs after {timeout:g} s")
        if self._error is not None:
            raise self._error

    @property
    def api(self) -> Watched:
        """Its client, with all it has asked for."""
        assert self._api is not None
        return self._api

    @property
    def controller(self) -> Controller:
        """What is at work in it."""
        assert self.replica is not None
        assert self.replica.controller is not None
        return self.replica.controller

    @property
    def made_api(self) -> Watched | None:
        """Its client, if it has one by now: a replica that waits to lead has none."""
        return self._api

    def alive(self) -> bool:
        return self._thread.is_alive()

    def _started(self) -> bool:
        if not self._thread.is_alive():
            raise RuntimeError(f"the operator has ended with {self.exit_code}") from self._error
        controller = self.replica.controller if self.replica else None
        return controller is not None and controller.synced_at is not None

    def _main(self) -> None:
        try:
            self.exit_code = asyncio.run(self._run())
        except BaseException as error:  # raised again by the test's own thread
            self._error = error

    async def _run(self) -> int:
        self._loop = asyncio.get_running_loop()
        with _LOADING:
            await connect.configuration(self._options.kubeconfig)
        self.replica = Replica(self._options, self._make_api)
        try:
            return await self.replica.run()
        finally:
            await asyncio.sleep(CLOSING)

    def _make_api(self, *arguments: Any) -> Api:
        self._api = self._make(*arguments)
        return self._api
