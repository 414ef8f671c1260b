"""Creates that the server refuses: told within one look, waited out, asked for with one request at a time."""

from __future__ import annotations

import pytest
from akid_operator.kube.api import Answer, Call
from fake_server import FakeServer
from scene import CORE, JOB, Scene

FOUR = {"name": "multi_worker", "workers": 4}
REFUSALS = {
    "QuotaExceeded": Answer(403, None, {"message": "exceeded quota: small"}),
    "Forbidden": Answer(403, None, {"message": "violates PodSecurity"}),
    "FailedCreate": Answer(409, None, {"reason": "Conflict", "message": "denied by a webhook"}),
}
WEBHOOK_IS_DOWN = Answer(500, None, {"message": 'failed calling webhook "istio": connection refused'})


def refused(answer: Answer, **spec: object) -> Scene:
    """A job whose pods are refused from the beginning."""
    scene = Scene(engine=FOUR, **spec)
    scene.server.refuse["POST", "pods"] = [answer] * 1000
    scene.run()
    return scene


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_is_told_at_once_and_asked_again_with_one_create_ever_later(reason: str) -> None:
    scene = refused(REFUSALS[reason])
    waits: list[float | None] = []
    for _ in range(8):
        waits.append(scene.run())
        assert (scene.reason("Queued"), scene.server.log) == (reason, [])
        scene.seconds += waits[-1] or 0
        scene.run()
        assert scene.server.log.count("POST pods") == 1
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert scene.told.count(reason) == 1
    scene.server.refuse.clear()
    scene.seconds += 60
    scene.run()
    assert scene.reason("Queued") == "Admitted"
    assert scene.server.log.count("POST pods") == 4


@pytest.mark.parametrize(
    "answer", [WEBHOOK_IS_DOWN, Answer(404, None, {"message": "namespace"}), Answer(429, 30.0, {})]
)
def test_whatever_the_code_a_refusal_is_told(answer: Answer) -> None:
    scene = refused(answer)
    assert (scene.reason("Queued"), scene.run()) == ("FailedCreate", answer.retry_after or 1)


def test_news_do_not_make_it_ask_before_its_time() -> None:
    scene = refused(REFUSALS["QuotaExceeded"])
    scene.store.job_seen(scene.server.put(JOB, scene.job | {"metadata": scene.job["metadata"] | {"labels": {}}}))
    scene.run()
    assert scene.server.log == []


def test_once_one_is_taken_the_rest_is_made_in_the_same_look() -> None:
    scene = Scene(engine=FOUR)
    scene.server.refuse["POST", "pods"] = [REFUSALS["QuotaExceeded"]] * 3
    scene.run()
    scene.seconds = 1
    scene.run()
    assert len([path for path in scene.server.objects if path.startswith(f"{CORE}/pods/")]) == 4
    assert scene.reason("Queued") == "Admitted"


def test_a_create_without_an_answer_is_told_too() -> None:
    class Silent(FakeServer):
        async def exchange(self, call: Call) -> Answer:
            if call.method == "POST" and call.path.endswith("/pods"):
                raise TimeoutError
            return await super().exchange(call)

    scene = Scene(Silent())
    scene.run()
    assert scene.reason("Queued") == "FailedCreate"
