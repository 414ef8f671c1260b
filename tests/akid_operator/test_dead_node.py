"""A node that does not answer, as the operator learns of it: from pods, from a chief, from a chief's silence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from akid_operator.progress.fetch import PollError, Target
from akid_operator.progress.poller import Poller
from akid_operator.work.record import UNANSWERED
from scene import CORE, KEY, TWO, Scene

from akid.job.objects.reported import Endpoint

CHIEF, OTHER = "digits-worker-0", "digits-worker-1"


def ready(yes: bool) -> list[dict[str, str]]:
    return [{"type": "Ready", "status": str(yes)}, {"type": "ContainersReady", "status": "True"}]


class Answers:
    """A reader that gives one answer, or none."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body

    async def read(self, target: Target, endpoint: Endpoint) -> bytes:
        if self.body is None:
            raise PollError("timeout")
        return self.body


class Nodes(Scene):
    """A job of two members that run."""

    def __init__(self) -> None:
        super().__init__(engine=TWO)
        for _ in range(2):
            self.run()
        for name in (CHIEF, OTHER):
            self.pod(name, phase="Running", podIP="127.0.0.1", conditions=ready(True))
        self.later()

    def later(self) -> None:
        self.seconds += 10
        there = {name: self.uid(name) for name in (CHIEF, OTHER)}
        self.run()
        for name, uid in there.items():
            if uid and not self.uid(name):
                self.store.record(KEY).pod_gone(name, uid)

    def ask(self, body: bytes | None, times: int = 1) -> list[Any]:
        """The chief is asked; the jobs that are to be looked at."""
        marked: list[Any] = []
        poller = Poller(self.store, lambda key, _: marked.append(key), Answers(body), clock=lambda: self.seconds)
        for _ in range(times):
            asyncio.run(poller.ask(Target(KEY, CHIEF, self.uid(CHIEF))))
        return marked

    def uid(self, name: str) -> str:
        return self.server.objects.get(f"{CORE}/pods/{name}", {}).get("metadata", {}).get("uid", "")


@pytest.mark.parametrize("news", ["node first", "silence first"])
def test_a_member_that_its_chief_misses_on_a_node_that_does_not_answer_is_replaced(news: str) -> None:
    scene = Nodes()
    uid = scene.uid(OTHER)

    def node() -> None:
        scene.pod(OTHER, conditions=ready(False))
        scene.later()

    def silence() -> None:
        assert scene.ask(b'{"silent": ["worker-1"]}') == [KEY]
        scene.later()

    for tell in (node, silence) if news == "node first" else (silence, node):
        assert scene.uid(OTHER) == uid
        tell()
    scene.later()
    assert scene.uid(OTHER) not in ("", uid)
    assert scene.job["status"]["restarts"] == 0


def test_a_chief_is_replaced_once_it_has_not_answered_again_and_again() -> None:
    scene = Nodes()
    uid = scene.uid(CHIEF)
    assert scene.ask(None, times=5) == []
    scene.later()
    scene.pod(CHIEF, conditions=ready(False))
    scene.later()
    assert scene.uid(CHIEF) == uid  # what was not answered before says nothing of now
    assert scene.ask(None, times=UNANSWERED) == [KEY]
    for _ in range(2):
        scene.later()
    assert scene.uid(CHIEF) not in ("", uid)


def test_one_that_answers_is_left() -> None:
    scene = Nodes()
    uid = scene.uid(CHIEF)
    scene.pod(CHIEF, conditions=ready(False))
    scene.ask(None, times=UNANSWERED - 1)
    scene.ask(b'{"step": 5, "silent": []}')
    scene.ask(None, times=UNANSWERED - 1)
    scene.later()
    assert scene.uid(CHIEF) == uid
