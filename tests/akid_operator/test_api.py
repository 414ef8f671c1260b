"""The client: how patient it is, and what it makes of refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from akid_operator.kube import api as module
from akid_operator.kube.api import Answer, Api, Call
from akid_operator.kube.errors import ApiError, NotLeaderError, UnreachableError
from akid_operator.serve.metrics import kind_of


class Scripted(Api):
    """Answers what it is told to, in order."""

    def __init__(self, *answers: Answer | BaseException, may_write: Callable[[], bool] = lambda: True) -> None:
        super().__init__(None, may_write)  # pyright: ignore
        self._answers = list(answers)
        self.sent: list[Call] = []

    async def exchange(self, call: Call) -> Answer:
        self.sent.append(call)
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds it would have slept."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    return slept


OK = Answer(200, None, {"ok": True})


def refusal(status: int, reason: str = "", message: str = "", retry_after: float | None = None) -> Answer:
    return Answer(status, retry_after, {"reason": reason, "message": message})


@pytest.mark.parametrize(
    "trouble", [refusal(500), refusal(503), refusal(429), TimeoutError(), ConnectionResetError()], ids=str
)
def test_passing_trouble_is_tried_again(trouble: Any) -> None:
    api = Scripted(trouble, trouble, OK)
    assert asyncio.run(api.get("/api/v1/pods")) == {"ok": True}
    assert len(api.sent) == 3


def test_it_waits_as_long_as_the_server_says(naps: list[float]) -> None:
    asyncio.run(Scripted(refusal(429, retry_after=3.0), OK).get("/api/v1/pods"))
    assert naps == [3.0]


def test_a_long_wait_is_left_to_the_queue(naps: list[float]) -> None:
    with pytest.raises(ApiError) as caught:
        asyncio.run(Scripted(refusal(429, retry_after=60.0)).get("/api/v1/pods"))
    assert caught.value.retry_after == 60
    assert naps == []


def test_lasting_trouble_is_given_up() -> None:
    with pytest.raises(UnreachableError, match="GET /api/v1/pods: TimeoutError"):
        asyncio.run(Scripted(*[TimeoutError()] * 4).get("/api/v1/pods"))
    with pytest.raises(ApiError, match="503"):
        asyncio.run(Scripted(*[refusal(503)] * 4).get("/api/v1/pods"))


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_refusal_is_final(status: int) -> None:
    api = Scripted(refusal(status))
    with pytest.raises(ApiError):
        asyncio.run(api.create("/api/v1/pods", {}))
    assert len(api.sent) == 1


def test_the_right_to_write_is_asked_for_before_every_attempt() -> None:
    rights = iter([True, False])
    api = Scripted(TimeoutError(), OK, may_write=lambda: next(rights))
    with pytest.raises(NotLeaderError):
        asyncio.run(api.create("/api/v1/pods", {}))
    assert len(api.sent) == 1


def test_reading_needs_no_right() -> None:
    assert asyncio.run(Scripted(OK, may_write=lambda: False).get("/api/v1/pods"))


def test_writes_are_strict_and_deletes_have_preconditions() -> None:
    api = Scripted(OK, OK, OK)
    asyncio.run(api.create("/p", {}))
    asyncio.run(api.replace("/p/x", {}))
    asyncio.run(api.delete("/p/x", "uid-1", now=True))
    assert [call.query.get("fieldValidation") for call in api.sent] == ["Strict", "Ignore", None]
    body = api.sent[2].body
    assert body is not None
    assert (body["preconditions"], body["gracePeriodSeconds"]) == ({"uid": "uid-1"}, 0)


def test_a_list_is_read_page_by_page() -> None:
    first = Answer(200, None, {"metadata": {"continue": "more"}, "items": [1]})
    last = Answer(200, None, {"metadata": {}, "items": None})
    api = Scripted(first, last)

    async def read() -> list[Any]:
        return [page["items"] async for page in api.pages("/p", labels="a=b")]

    assert asyncio.run(read()) == [[1], []]
    assert api.sent[1].query["continue"] == "more"
    assert api.sent[1].query["labelSelector"] == "a=b"


@pytest.mark.parametrize(
    ("status", "reason", "message", "what"),
    [
        (409, "AlreadyExists", "", "exists"),
        (409, "Conflict", "", "stale"),
        (422, "Invalid", "", "invalid"),
        (400, "BadRequest", "strict decoding error", "invalid"),
        (403, "Forbidden", "exceeded quota: small", "over_quota"),
        (403, "Forbidden", "violates PodSecurity", "forbidden"),
    ],
)
def test_refusals_are_told_apart(status: int, reason: str, message: str, what: str) -> None:
    error = ApiError("POST /p", status, {"reason": reason, "message": message})
    kinds = {name for name in ("exists", "stale", "invalid", "over_quota", "forbidden") if getattr(error, name)}
    assert kinds - ({"forbidden"} if what == "over_quota" else set()) == {what}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/namespaces/lab/pods", "pods"),
        ("/api/v1/namespaces/lab/pods/digits-worker-0", "pods"),
        ("/api/v1/pods", "pods"),
        ("/apis/akid.dev/v1alpha1/namespaces/lab/akidjobs/digits/status", "akidjobs/status"),
        ("/apis/scheduling.x-k8s.io/v1alpha1", "discovery"),
    ],
)
def test_requests_are_counted_by_kind(path: str, kind: str) -> None:
    assert kind_of(path) == kind
