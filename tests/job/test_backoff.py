"""How long counted restarts wait, what ends that, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from job.scenes import at, condition, created, deleted, look, running, seen, started
from job.test_simulation import World

from akid.job import MemberState, Plan
from akid.job.api.status import Progress, Status
from akid.job.planner.backoff import wait_before

FAILED = {"exit_code": 137, "reason": "OOMKilled", "node": "node-a"}
MANY = {"maxRestarts": 1000}
RECREATE = {"restartStrategy": "Recreate", **MANY}


def failed(number: int, seconds: float = 0, /, **facts: Any) -> MemberState:
    """The pod of worker-1 that failed as the so-manyth, made at a time."""
    facts = FAILED | {"uid": f"u{number}", "created": at(seconds)} | facts
    return seen("worker-1", "Failed", **facts)


def after(restarts: int, /, policy: Any = MANY, **facts: Any) -> dict[str, Any]:
    """The status after so many failures of worker-1, each when the one before was due; the last at T0."""
    status, seconds = running(), -sum(wait_before(n).total_seconds() for n in range(2, restarts))
    for number in range(1, restarts + 1):
        lost = look(seen("worker-0"), failed(number, seconds, **facts), status=status, now=at(seconds),
                    runPolicy=policy)  # fmt: skip
        status, seconds = started(lost), seconds + wait_before(number).total_seconds()
    return status


def told(plan: Plan) -> str:
    """The message of the Restarting condition."""
    found = Status.model_validate(started(plan)).condition("Restarting")
    assert found is not None
    return found.message


def test_the_first_restart_is_made_at_once_then_each_waits_twice_as_long_up_to_six_minutes():
    waits = [wait_before(restart).total_seconds() for restart in range(1, 10)]
    assert waits == [0, 10, 20, 40, 80, 160, 320, 360, 360]
    assert wait_before(1000).total_seconds() == 360


@pytest.mark.parametrize("restarts", [2, 3, 7, 9])
def test_in_place_the_failed_pod_stays_until_its_restart_is_due(restarts: int):
    status, wait = after(restarts), wait_before(restarts).total_seconds()
    for early in (0, wait - 1):
        waiting = look(seen("worker-0"), failed(restarts), status=status, now=at(early), runPolicy=MANY)
        assert (deleted(waiting), created(waiting), waiting.requeue_after) == ([], [], wait - early)
        assert waiting.events == ()
    due = look(seen("worker-0"), failed(restarts), status=status, now=at(wait), runPolicy=MANY)
    assert deleted(due) == ["worker-1"]


def test_recreate_makes_the_next_attempt_when_it_is_due():
    once = started(look(seen("worker-0"), failed(1), status=running(), runPolicy=RECREATE))
    pods = (seen("worker-0", attempt=1), failed(2, 1, attempt=1))
    twice = look(*pods, status=once, now=at(1), runPolicy=RECREATE)
    assert deleted(twice) == ["worker-0", "worker-1"]
    assert "restart 2 of 1000 in 10 s, at 2026-01-01T12:00:11Z" in told(twice)
    waiting = look(status=started(twice), now=at(5), runPolicy=RECREATE)
    assert (created(waiting), waiting.requeue_after) == ([], 6)
    assert created(look(status=started(twice), now=at(11), runPolicy=RECREATE)) == ["worker-0", "worker-1"]


def test_how_long_it_waits_is_told_in_the_status_the_condition_and_one_event():
    lost = look(seen("worker-0"), failed(3), status=after(2), runPolicy=MANY)
    assert condition(lost, "Restarting") == ("True", "PodFailed")
    message = "digits-worker-1 on node-a failed with exit code 137 (OOMKilled); restart 3 of 1000 in 20 s, "
    assert told(lost) == f"{message}at 2026-01-01T12:00:20Z"
    assert [event.message for event in lost.events] == [f"{told(lost)}."]
    assert started(lost)["backoff"] == {
        "restarts": 3, "lastFailureTime": "2026-01-01T12:00:00Z", "nextRestartTime": "2026-01-01T12:00:20Z",
        "cause": "exit code 137 (OOMKilled)", "sameCause": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "up", "restarts"),
    [((100, 101), 0, 1), ((100, 100), 3600, 4), ((100, 60), 3600, 4), ((None, 5), 0, 1),
     ((None, None), 599, 4), ((None, None), 600, 1)],
)  # fmt: skip
def test_progress_makes_the_next_restart_the_first_again(steps: tuple[Any, Any], up: int, restarts: int):
    status = after(3)
    if steps[0] is not None:
        status |= {"highestStep": 100, "backoff": status["backoff"] | {"step": 100}}
    both = (seen("worker-0"), seen("worker-1", uid="u4"))
    status = started(look(*both, status=status, now=at(20), runPolicy=MANY))
    lost = look(seen("worker-0"), failed(4, 20), status=status, now=at(20 + up), runPolicy=MANY,
                progress=Progress(step=steps[1]))  # fmt: skip
    assert started(lost)["backoff"]["restarts"] == restarts


def test_the_highest_step_stays_when_the_training_goes_back_to_a_checkpoint():
    status = started(look(seen("worker-0"), status=running(), progress=Progress(step=500)))
    back = look(seen("worker-0"), status=status, progress=Progress(step=400))
    assert (started(back)["progress"]["step"], started(back)["highestStep"]) == (400, 500)


def test_disruptions_do_not_wait_while_a_restart_does():
    gone = seen("worker-0", "Failed", disrupted=True, uid="evicted", created=at(-60))
    both = look(gone, failed(3), status=after(3), now=at(1), runPolicy=MANY)
    assert deleted(both) == ["worker-0"]
    assert created(look(failed(3), status=after(3), now=at(2), runPolicy=MANY)) == ["token", "worker-0"]


def test_pods_that_fail_in_the_same_outage_count_each_and_wait_as_one():
    first = look(failed(1, -60), seen("worker-0", created=at(-60)), status=running())
    second = look(seen("worker-0", "Failed", created=at(-60), **FAILED), status=started(first), now=at(2))
    assert (started(second)["restarts"], started(second)["backoff"]["restarts"]) == (2, 1)
    assert deleted(second) == ["worker-0"]


@pytest.mark.parametrize(
    ("causes", "says_so"),
    [([137] * 3, False), ([137] * 4, True), ([139, *[137] * 3], False), ([137] * 3 + [139], False)],
)
def test_a_restart_with_the_cause_of_the_last_three_says_so(causes: list[int], says_so: bool):
    status, plan = running(), Plan()
    for number, code in enumerate(causes):
        plan = look(seen("worker-0"), failed(number, exit_code=code), status=status, runPolicy=MANY)
        status = started(plan)
    assert told(plan).endswith("; failure 4 in a row with exit code 137 (OOMKilled)") is says_so


def test_who_resumes_a_job_does_not_wait():
    suspended = look(seen("worker-0"), failed(3), status=after(3), runPolicy={**MANY, "suspend": True})
    assert created(look(status=started(suspended), now=at(1), runPolicy=MANY)) == ["token", "worker-0", "worker-1"]


def test_a_clock_set_back_by_a_day_holds_nothing_back():
    day = 86400
    back = look(seen("worker-0"), failed(3), status=after(3), now=at(-day), runPolicy=MANY)
    assert deleted(back) == ["worker-1"]


@pytest.mark.parametrize("strategy", ["InPlace", "Recreate"])
def test_an_hour_of_failures_is_no_storm(strategy: str):
    world = World({"engine": {"name": "single"}, "runPolicy": {**MANY, "restartStrategy": strategy}})
    cluster, operator = world.cluster, world.operator
    hour = cluster.now.replace(hour=1)
    while cluster.now < hour:
        for name, pod in cluster.pods.items():
            cluster.run(pod)
            cluster.finish(pod, 137)
            operator.hear(name)
        if operator.due is None:
            break
        cluster.now = max(cluster.now, operator.due)
        world.reconcile()
    # Failures after 0, 0, 10, 30, 70, 150, 310 and 630 s, then one each six minutes.
    assert world.status.restarts == 8 + (3600 - 630) // 360
    assert operator.writes < 5 * world.status.restarts
