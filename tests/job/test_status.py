"""Conditions and counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job.scenes import T0, at, seen

from akid.job import Member
from akid.job.api.engine import RoleName
from akid.job.api.status import Status
from akid.job.planner.conditions import completed_of, format_indexes, parse_indexes, with_condition, with_counts

WORKERS = [Member(RoleName.WORKER, index) for index in range(4)]


def test_a_condition_keeps_its_time_until_its_status_changes():
    one = with_condition(Status(), "Queued", True, "Quota", "first", T0)
    two = with_condition(one, "Queued", True, "Other", "second", at(5))
    three = with_condition(two, "Queued", False, "Admitted", "third", at(9))
    times = [s.conditions[0].last_transition_time for s in (one, two, three)]
    assert times == [T0, T0, at(9)]


def test_a_condition_with_the_same_reason_is_left_as_it_is():
    one = with_condition(Status(), "Queued", True, "Unschedulable", "0/3 nodes", T0)
    assert with_condition(one, "Queued", True, "Unschedulable", "0/4 nodes", at(5)) == one


def test_what_never_held_is_not_mentioned():
    assert with_condition(Status(), "Queued", False, "Admitted", "", T0).conditions == []


@pytest.mark.parametrize(
    ("conditions", "state"),
    [(["Created"], "Created"), (["Created", "Running"], "Running"),
     (["Created", "Queued", "Restarting"], "Queued"),
     (["Created", "Running", "Failed"], "Failed"), (["Created", "Restarting"], "Restarting"), ([], "")],
)  # fmt: skip
def test_the_state_is_the_condition_that_matters(conditions: list[str], state: str):
    status = Status()
    for kind in conditions:
        status = with_condition(status, kind, True, "Because", "", T0)  # pyright: ignore[reportArgumentType]
    assert status.state == state


def test_counts_of_a_role():
    present = [seen("worker-0"), seen("worker-1", "Pending"), seen("worker-2", "Failed")]
    status = with_counts(Status(), WORKERS, present, frozenset({WORKERS[3]}))
    assert status.to_json()["replicaStatuses"]["worker"] == {
        "active": 2, "ready": 1, "succeeded": 1, "failed": 1, "completedIndexes": "3",
    }  # fmt: skip
    assert status.ready == "2/4"
    assert completed_of(status) == {WORKERS[3]}


def test_indexes_are_written_as_an_indexed_job_does():
    assert format_indexes([0, 2, 3, 4, 9]) == "0,2-4,9"


@given(st.sets(st.integers(0, 1000)))
def test_indexes_survive_being_written(indexes: set[int]):
    assert parse_indexes(format_indexes(sorted(indexes))) == sorted(indexes)


@pytest.mark.parametrize("text", ["x", "1-", "-1", "a-b", "1-99999999999", ""])
def test_strange_indexes_are_survived(text: str):
    assert len(parse_indexes(text)) <= 10_001
