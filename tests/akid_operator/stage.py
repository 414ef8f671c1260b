"""A world where nothing happens but what a script says, and perhaps the death of a leader."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from akid_operator.kube.api import Answer, Call
from akid_operator.serve.metrics import kind_of
from chaos import Chaos
from fake_cluster import CORE, JOBS, NAMESPACE, NODES
from fake_line import Line
from judge import problems_at_rest

Script = Callable[["Stage"], Awaitable[None]]
NEVER = 1_000_000


class Stage(Chaos):
    """A world where nothing happens but what a script says, and the death of a leader.

    Args:
        site: the number of the write at which it dies.
        sent: whether that one is done.

    Attributes:
        asked: every request: its method and its kind.
    """

    def __init__(self, site: int = NEVER, sent: bool = False) -> None:
        super().__init__(seed=site)
        self.left, self.sent = site, sent
        self.asked: list[str] = []
        self.calm_down()

    def line(self, who: str, may_write: object) -> Line:
        return Mortal(self, self.cluster, self.weather, self.random, who, self.judge, may_write)  # pyright: ignore

    def die(self) -> None:
        """Whoever leads dies."""
        for candidate in self.candidates:
            if candidate.controller is not None:
                candidate.kill()

    def _go_on(self, path: str) -> None:
        pod = self.cluster.objects[path]
        if "deletionTimestamp" in pod["metadata"]:
            self.cluster.let_go(path)
        elif not pod["spec"].get("nodeName"):
            self.cluster.bind(path, NODES[0])
        else:
            self.cluster.start(path)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait, but not for ever."""
        for _ in range(300):
            if holds():
                return
            await asyncio.sleep(1)
        raise AssertionError(f"not within 300 s: {what}: {self.job()}")

    async def reach(self, state: str, pods: int = 0) -> None:
        """Wait for a state of the job, with so many pods that run."""
        await self.until(lambda: self.job().get("status", {}).get("state") == state, state)
        await self.until(lambda: pods in (0, self.phases().count("Running")), f"{pods} pods run: {self.phases()}")

    def job(self) -> dict[str, Any]:
        return self.cluster.objects.get(f"{JOBS}/ada", {})

    def phases(self) -> list[str]:
        pods = self.cluster.items("pods").values()
        return [pod["status"]["phase"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, name: str) -> str:
        """The path of a member's pod."""
        return f"{CORE}/pods/ada-{name}"

    def finish(self, name: str, code: int) -> None:
        """A trainer ends by itself."""
        self.cluster.finish(self.pod(name), code)

    async def play(self, manifest: dict[str, Any], script: Script) -> dict[str, int]:
        """The life of a job; what came of it."""
        manifest["metadata"] |= {"namespace": NAMESPACE, "generation": 1}
        self.cluster.put(f"{JOBS}/ada", manifest)
        tasks = [asyncio.create_task(one) for one in (self._live(), *(c.run() for c in self.candidates))]
        try:
            await script(self)
            await self.until(lambda: not problems_at_rest(self.cluster), str(problems_at_rest(self.cluster)))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert self.judge.problems == []
        made = sum(f"{CORE}/pods/" in change.path and change.old is None for change in self.cluster.history)
        return {"pods": made, "restarts": self.job().get("status", {}).get("restarts", 0)}


class Mortal(Line):
    """A client that dies at a write of its stage: before it is sent, or before the answer is read."""

    def __init__(self, stage: Stage, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._stage = stage

    async def exchange(self, call: Call) -> Answer:
        stage = self._stage
        stage.asked.append(f"{call.method} {kind_of(call.path)}")
        stage.left -= call.writes and "/leases" not in call.path and "/events" not in call.path
        if stage.left == 0 and call.writes and not self.dead:
            stage.left = -NEVER
            if stage.sent:
                await super().exchange(call)
            stage.die()
        return await super().exchange(call)
