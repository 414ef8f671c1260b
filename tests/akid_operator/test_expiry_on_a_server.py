"""Jobs expire on a real server: in time, once each, never while they are suspended (defect m of the list)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster


def test_a_finished_job_expires_on_time(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(plays={"run-for": "100ms"}, policy={"ttlSecondsAfterFinished": 2}))
    ended = datetime.fromisoformat(jobs.reach("Succeeded")["completionTime"])
    wait_for(lambda: jobs.find() is None, "it has expired", 2 + 1 + 2)
    assert datetime.now(UTC) >= ended + timedelta(seconds=2)


def test_jobs_that_expired_are_deleted_once_each(jobs: Jobs, hosted: Hosted) -> None:
    for name, seconds in (("first", 0), ("second", 2), ("third", 0)):
        jobs.create(job(name, plays={"run-for": "100ms"}, policy={"ttlSecondsAfterFinished": seconds}))
        wait_for(lambda n=name: jobs.find(n) is None, "it has expired", 10)
    assert hosted.api.writes().count("DELETE akidjobs") == 3
    assert list(hosted.controller.store) == []


def test_a_job_suspended_when_it_had_ended_stays(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(plays={"run-for": "100ms"}, policy={"ttlSecondsAfterFinished": 3}))
    jobs.reach("Succeeded")
    jobs.patch({"runPolicy": {"suspend": True}})
    jobs.create(job("other", plays={"run-for": "100ms"}, policy={"ttlSecondsAfterFinished": 5}))
    wait_for(lambda: jobs.find("other") is None, "another one has expired since", 20)
    assert jobs.find() is not None


def test_it_expires_also_after_a_restart_and_never_while_suspended(
    jobs: Jobs, host: Callable[..., Hosted]
) -> None:
    with host():
        jobs.create(job("kept", plays={"run-for": "100ms"}))
        jobs.reach("Succeeded", "kept")
        jobs.patch({"runPolicy": {"suspend": True, "ttlSecondsAfterFinished": 3}}, "kept")
        jobs.create(job(plays={"run-for": "100ms"}, policy={"ttlSecondsAfterFinished": 3}))
        jobs.reach("Succeeded")
    with host():
        wait_for(lambda: jobs.find() is None, "it has expired", 3 + 1 + 2)
    assert jobs.find("kept") is not None
