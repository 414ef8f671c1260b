"""Pods that an earlier job of the same name left: waited for, told, and taken away when nobody else does it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from job.manifests import manifest
from job.scenes import OBJECTS, TWO, at, condition, created, deleted, seen, started

from akid.job import MemberState, Observed, Plan, orphans, parse, plan

WORDS = "digits-worker-1 of an earlier job of this name on node-a is"


def stray(name: str = "worker-1", **facts: Any) -> MemberState:
    """A pod of a job that was there a minute before."""
    return seen(name, **{"uid": "stray", "node": "node-a", "created": at(-60)} | facts)


def meet(*strays: MemberState, now: datetime, status: Any = None, **spec: Any) -> Plan:
    """The plan for a job that has no pods yet."""
    raw = manifest(engine=TWO, **spec)
    observed = Observed(strays=strays, objects=OBJECTS)
    return plan(parse({**raw, "status": status or {}}), observed, now)


def message(plan: Plan) -> str:
    return next(c["message"] for c in started(plan)["conditions"] if c["type"] == "Queued")


def test_a_pod_on_a_dead_node_is_waited_for_told_and_forced():
    old = stray(deletion_due=at(5))
    first = meet(old, now=at(0))
    assert (created(first), deleted(first), first.requeue_after) == ([], [], 10)
    told = meet(old, now=at(10), status=started(first))
    assert (condition(told, "Queued"), told.requeue_after) == (("True", "PodTerminating"), 25)
    assert message(told) == f"{WORDS} deleted, but is not gone; at 2026-01-01T12:00:35Z it is taken away by force"
    assert [event.reason for event in told.events] == ["PodTerminating"]
    assert deleted(meet(old, now=at(35), status=started(told))) == ["worker-1!"]
    after = meet(now=at(36), status=started(told))
    assert created(after) == ["token", "worker-0", "worker-1"]
    assert condition(after, "Queued")[0] == "False"


def test_a_pod_that_nobody_deletes_is_deleted():
    status = started(meet(stray(), now=at(0)))
    assert deleted(meet(stray(), now=at(9), status=status)) == []
    told = meet(stray(), now=at(10), status=status)
    assert (deleted(told), message(told)) == (["worker-1"], f"{WORDS} still there")


def test_a_pod_that_a_finalizer_keeps_is_told_and_not_forced():
    kept = stray(deletion_due=at(-60), finalizer_blocked=True)
    told = meet(kept, now=at(99), status=started(meet(kept, now=at(0))))
    assert (deleted(told), message(told)) == ([], f"{WORDS} deleted, but a finalizer keeps it")


def test_a_pod_whose_name_nobody_needs_is_not_waited_for_but_taken_away():
    first = meet(stray("worker-7", deletion_due=at(5)), now=at(0))
    assert created(first) == ["token", "worker-0", "worker-1"]
    assert first.requeue_after == 35


@pytest.mark.parametrize("spec", [{"runPolicy": {"suspend": True}}, {}], ids=["suspended", "finished"])
def test_strays_go_whatever_the_job_does(spec: dict[str, Any]):
    failed = {"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z"}]}
    late = meet(stray(deletion_due=at(5)), now=at(50), status={} if spec else failed, **spec)
    assert "worker-1!" in deleted(late)


def test_pods_of_no_job_are_deleted_and_forced():
    going, left = stray("worker-0", deletion_due=at(5)), stray("worker-1")
    early = orphans([going, left], at(10))
    assert (deleted(early), early.requeue_after) == (["worker-1"], 25)
    assert deleted(orphans([going], at(35))) == ["worker-0!"]
