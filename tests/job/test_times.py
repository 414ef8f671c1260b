"""Deadlines, expiry and suspension. The letters are the defects of the operators before it."""

from __future__ import annotations

from job.scenes import BOTH, at, condition, created, deleted, look, running, seen, started

from akid.job import ObjectRole, Plan


def test_a_the_active_deadline_is_kept():
    policy = {"activeDeadlineSeconds": 60}
    early = look(*BOTH, status=running(runPolicy=policy), runPolicy=policy, now=at(20))
    assert early.requeue_after == 40
    late = look(*BOTH, status=running(runPolicy=policy), runPolicy=policy, now=at(60))
    assert condition(late, "Failed") == ("True", "DeadlineExceeded")


def test_p_pods_pending_for_too_long_fail_the_job():
    policy = {"pendingDeadlineSeconds": 60}
    pending = (seen("worker-0"), seen("worker-1", "Pending", reason="Unschedulable", message="no GPU"))
    status = started(look(*pending, runPolicy=policy, now=at(0)))
    queued = look(*pending, runPolicy=policy, status=status, now=at(20))
    assert condition(queued, "Queued") == ("True", "Unschedulable")
    assert [event.message for event in queued.events] == ["digits-worker-1: no GPU"]
    assert queued.requeue_after == 40
    late = look(*pending, runPolicy=policy, status=started(queued), now=at(60))
    assert condition(late, "Failed") == ("True", "PendingDeadlineExceeded")
    assert "not running for 60 s: digits-worker-1: no GPU" in late.events[0].message


def test_m_ttl_is_exact_and_waits_while_suspended():
    policy = {"ttlSecondsAfterFinished": 30}
    ended = started(look(seen("worker-0", "Succeeded"), runPolicy=policy))
    assert look(status=ended, runPolicy=policy, seen_objects={}, now=at(10)).requeue_after == 20
    gone = look(status=ended, runPolicy=policy, seen_objects={}, now=at(30))
    assert [(d.kind, d.name, d.uid) for d in gone.delete] == [(ObjectRole.JOB, "digits", "job-uid")]
    kept = look(status=ended, runPolicy={**policy, "suspend": True}, seen_objects={}, now=at(99))
    assert kept == Plan()


def test_a_job_that_expires_at_once_is_looked_at_at_once():
    policy = {"ttlSecondsAfterFinished": 0}
    ended = look(seen("worker-0", "Succeeded"), seen("worker-1"), status=running(), runPolicy=policy)
    assert ended.requeue_after == 0
    assert [str(d.kind) for d in look(status=started(ended), runPolicy=policy).delete] == ["job"]


def test_a_clock_that_jumps_back_ends_nothing():
    policy = {"activeDeadlineSeconds": 60}
    back = look(*BOTH, status=running(runPolicy=policy), runPolicy=policy, now=at(-3600))
    assert (back.status, back.requeue_after) == (None, 3660)


def test_p_the_pending_deadline_counts_from_the_loss_not_from_the_start():
    policy = {"pendingDeadlineSeconds": 60}
    lost = look(seen("worker-0"), status=running(runPolicy=policy), runPolicy=policy, now=at(1000))
    assert condition(lost, "Running") == ("False", "PodLost")
    waiting = (seen("worker-0"), seen("worker-1", "Pending", created=at(1000)))
    assert look(*waiting, status=started(lost), runPolicy=policy, now=at(1030)).requeue_after == 30
    late = look(*waiting, status=started(lost), runPolicy=policy, now=at(1060))
    assert condition(late, "Failed") == ("True", "PendingDeadlineExceeded")


def test_suspend_takes_the_pods_and_resume_makes_a_new_attempt():
    suspended = look(*BOTH, status=running(), runPolicy={"suspend": True})
    assert (deleted(suspended), started(suspended)["state"]) == (["worker-0", "worker-1"], "Suspended")
    assert "startTime" not in started(suspended)
    resumed = look(status=started(suspended), now=at(500))
    assert (created(resumed), started(resumed)["attempt"]) == (["token", "worker-0", "worker-1"], 1)
    assert started(resumed)["startTime"] == "2026-01-01T12:08:20Z"
    assert "Resumed" in [event.reason for event in resumed.events]


def test_a_job_created_suspended_has_no_pods_and_its_first_attempt_is_the_first():
    suspended = look(runPolicy={"suspend": True})
    assert (created(suspended), suspended.requeue_after) == ([], None)
    assert started(look(status=started(suspended))).get("attempt", 0) == 0


def test_suspended_jobs_have_no_deadline():
    policy = {"suspend": True, "activeDeadlineSeconds": 5, "pendingDeadlineSeconds": 5}
    assert look(status=started(look(runPolicy=policy)), runPolicy=policy, now=at(99)) == Plan()


def test_a_job_suspended_after_its_deadline_is_suspended():
    policy = {"activeDeadlineSeconds": 60}
    late = look(*BOTH, status=running(runPolicy=policy), runPolicy={**policy, "suspend": True}, now=at(61))
    assert started(late)["state"] == "Suspended"
