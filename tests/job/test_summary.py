"""The one line that says why: what it is taken from, how short it is, and that words alone can wait."""

from __future__ import annotations

from typing import Any

import pytest
from job.scenes import BOTH, T0, at, look, running, seen, started

from akid.job import CreateFailure, CreateFailureReason, MemberState
from akid.job.api.status import LastFailure, Status
from akid.job.planner.build import MAX_EVENT, event
from akid.job.planner.conditions import WORDS, with_condition
from akid.job.planner.summary import MAX_LINE, one_line, summary

TRACEBACK = 'Traceback (most recent call last):\n  File "a.py"\nValueError: no such \x1b[31mcolour\x1b[0m\n\n'
NODES = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."


def pending(reason: str, message: str, name: str = "worker-1") -> MemberState:
    return seen(name, "Pending", reason=reason, message=message)


def told(*members: MemberState, seconds: float = 3, **facts: Any) -> str:
    return started(look(*members, now=at(seconds), **facts)).get("message", "")


@pytest.mark.parametrize(
    ("states", "facts", "line"),
    [
        ([pending("Unschedulable", NODES)], {}, f"Unschedulable: digits-worker-1: {NODES}"),
        ([pending("ErrImagePull", "not found")], {}, "ImagePullBackOff: digits-worker-1: not found"),
        ([], {"create_failures": (CreateFailure(CreateFailureReason.QUOTA_EXCEEDED, "exceeded quota: a"),)},
         "QuotaExceeded: exceeded quota: a"),
        ([seen("worker-1", "Failed", exit_code=137, reason="OOMKilled", message=TRACEBACK)], {},
         "PodFailed: digits-worker-1 exit code 137 (OOMKilled): ValueError: no such colour"),
        ([seen("worker-1", "Failed", exit_code=1, reason="Error", message=TRACEBACK)], {},
         "PodFailed: digits-worker-1 exit code 1: ValueError: no such colour"),
        ([seen("worker-1", "Failed", exit_code=2, message="akid: spec.kid.brain: no.")], {},
         "InvalidKid: digits-worker-1 exit code 2: akid: spec.kid.brain: no."),
        ([seen("worker-1", "Failed", exit_code=137)], {"runPolicy": {"maxRestarts": 0}},
         "RestartLimitExceeded: digits-worker-1 exit code 137"),
        ([seen("worker-1", "Failed", disrupted=True, reason="Evicted", message="low on\nmemory")], {},
         "PodDisrupted: digits-worker-1 was lost (Evicted): low on memory"),
        ([seen("worker-1")], {}, ""),
    ],
    ids=["unschedulable", "image", "quota", "killed", "failed", "kid", "too often", "evicted", "well"],
)  # fmt: skip
def test_the_line_is_the_cause_in_the_words_of_whoever_knows_it(
    states: list[MemberState], facts: dict[str, Any], line: str
):
    assert told(seen("worker-0"), *states, **facts) == line


def test_a_line_that_is_too_long_keeps_its_beginning_and_the_cause_which_comes_last():
    pulled = f'failed to pull image "registry.example.com/{"a" * 250}": failed to resolve it: 401 Unauthorized'
    line = told(seen("worker-0"), pending("ErrImagePull", pulled))
    assert len(line) == MAX_LINE
    assert line.startswith("ImagePullBackOff: digits-worker-1: failed to pull image")
    assert line.endswith(": failed to resolve it: 401 Unauthorized")


def test_a_pod_is_told_of_three_seconds_after_it_was_made_and_one_that_is_not_set_up_later():
    status = started(look(seen("worker-0"), now=T0))
    unschedulable = look(seen("worker-0"), pending("Unschedulable", NODES), status=status, now=at(2))
    assert "Queued" not in str(unschedulable.status)
    assert unschedulable.requeue_after == 1
    assert look(seen("worker-0"), pending("PodNotSetUp", "volumes"), status=status, now=at(3)).requeue_after == 7


def test_of_several_that_wait_it_is_always_the_same_one_that_is_told():
    waiting = [pending("Unschedulable", NODES, name) for name in ("worker-0", "worker-1")]
    assert told(*waiting) == told(*reversed(waiting)) == f"Unschedulable: digits-worker-0: {NODES}"


def test_a_line_is_short_and_has_nothing_a_terminal_would_obey():
    failure = LastFailure(pod="a", exit_code=1, message="x\x1b]0;title\x07\x1b[2J" + "y" * 5000)
    status = with_condition(Status(last_failure=failure), "Failed", True, "PodFailed", "z" * 9000, T0)
    line = summary(status)
    assert len(line) == MAX_LINE
    assert line.isprintable()
    assert one_line(" a\n\tb\u2028c ") == "a b c"


def test_words_alone_wait_and_another_reason_does_not():
    waits = started(look(seen("worker-0"), pending("Unschedulable", NODES), now=at(3)))
    other = look(seen("worker-0"), pending("Unschedulable", "0/4 nodes"), status=waits, now=at(4))
    assert other.patience == WORDS
    assert started(other)["message"] == "Unschedulable: digits-worker-1: 0/4 nodes"
    assert other.events == ()
    pulls = look(seen("worker-0"), pending("ImagePullBackOff", "no"), status=waits, now=at(4))
    assert pulls.patience == 0
    assert look(*BOTH, status=waits, now=at(5)).patience == 0


def test_a_job_that_runs_again_has_no_line():
    status = started(look(seen("worker-0"), seen("worker-1", "Failed", exit_code=137), status=running()))
    assert status["message"]
    assert "message" not in started(look(*BOTH, status=status, now=at(9)))


def test_an_event_that_is_too_long_keeps_its_end():
    message = event("Failed", "digits failed: " + "x" * 5000 + " ValueError: last").message
    assert len(message) == MAX_EVENT
    assert message.startswith("digits failed")
    assert message.endswith("ValueError: last")
